using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using CudaViT.Core;
using CudaViT.Cpu;

namespace CudaViT.Benchmarks;

/// <summary>
/// Single operations on the CPU at the shapes of a ViT-S/16 block, batch 8: time and managed memory per call.
/// </summary>
[MemoryDiagnoser]
public class OperationBenchmarks : IDisposable
{
    private const int Batch = 8;
    private const int Tokens = 197;
    private const int Width = 384;
    private const int Heads = 12;

    private CpuBackend _backend = null!;
    private Tensor _x = null!;
    private Tensor _qkv = null!;
    private Tensor _weight = null!;
    private Tensor _bias = null!;
    private Tensor _gamma = null!;

    /// <summary>Type of the operands.</summary>
    [Params(DType.F32, DType.BF16)]
    public DType Type { get; set; }

    /// <summary>Arguments go to BenchmarkDotNet, for example <c>--filter *LayerNorm*</c>.</summary>
    public static int Run(string[] arguments)
    {
        // In this process: the benchmarks are built already, and nothing has to be restored for them.
        IConfig config = DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkSwitcher.FromTypes([typeof(OperationBenchmarks)])
            .Run(arguments.Length > 0 ? arguments : ["--filter", "*"], config);
        return 0;
    }

    /// <summary>Draws the operands.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        _backend = new CpuBackend();
        _x = Normal([Batch, Tokens, Width]);
        _qkv = Normal([Batch, Tokens, 3 * Width]);
        _weight = Normal([4 * Width, Width]);
        _bias = Normal([4 * Width]);
        _gamma = Normal([Width]);
    }

    /// <summary>Ends the compute threads.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _backend.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>[8, 197, 384] over the last axis.</summary>
    [Benchmark]
    public void LayerNormForward() => Forward(() => LayerNorm.Apply(_x, _gamma, _gamma));

    /// <summary>Its forward and backward pass.</summary>
    [Benchmark]
    public void LayerNormBoth() => Both(() => LayerNorm.Apply(_x, _gamma, _gamma));

    /// <summary>12 heads of 32, 197 tokens.</summary>
    [Benchmark]
    public void AttentionForward() => Forward(() => Attention.Apply(_qkv, Heads));

    /// <summary>Its forward and backward pass.</summary>
    [Benchmark]
    public void AttentionBoth() => Both(() => Attention.Apply(_qkv, Heads));

    /// <summary>384 to 1,536 with bias and GELU.</summary>
    [Benchmark]
    public void LinearGeluForward() => Forward(() => Linear.Apply(_x, _weight, _bias, gelu: true));

    /// <summary>Its forward and backward pass.</summary>
    [Benchmark]
    public void LinearGeluBoth() => Both(() => Linear.Apply(_x, _weight, _bias, gelu: true));

    private static void Forward(Func<Tensor> operation)
    {
        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        operation();
    }

    private void Both(Func<Tensor> operation)
    {
        using var scope = new StepScope();
        Tensor y = operation();
        y.Backward(NdArray.Full(_backend, y.Shape, y.DType, 1));
        foreach (Tensor leaf in (Tensor[])[_x, _qkv, _weight, _bias, _gamma])
        {
            leaf.ZeroGrad();
        }
    }

    private Tensor Normal(Shape shape)
    {
        double[] values = new double[shape.Count];
        new RandomStream(seed: 1, epoch: 0, sample: values.Length, view: 0, RandomOperation.Synthetic)
            .FillNormal(values);
        return new Tensor(NdArray.FromDoubles(_backend, values, shape, Type), requiresGrad: true);
    }
}
