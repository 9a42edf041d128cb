using CudaViT.Core;

namespace CudaViT.TestKit;

/// <summary>One test's use of a backend: a step scope, and inputs that are a pure function of their seed.</summary>
public sealed class TestRun : IDisposable
{
    private readonly StepScope _scope = new();

    internal TestRun(IBackend backend) => Backend = backend;

    /// <summary>The backend under test.</summary>
    public IBackend Backend { get; }

    /// <summary>Standard normal values times <paramref name="scale"/>, as a leaf that collects gradients.</summary>
    public Tensor Normal(Shape shape, DType dtype, int seed, double scale = 1, double shift = 0) =>
        Leaf(Values.Normal(shape.Count, seed, scale, shift), shape, dtype);

    /// <summary>Values spread evenly over [low, high), as a leaf that collects gradients.</summary>
    public Tensor Uniform(Shape shape, DType dtype, int seed, double low, double high) =>
        Leaf(Values.Uniform(shape.Count, seed, low, high), shape, dtype);

    /// <summary>Given values, rounded to <paramref name="dtype"/>, as a leaf that collects gradients.</summary>
    public Tensor Leaf(double[] values, Shape shape, DType dtype) =>
        new(Array(values, shape, dtype), requiresGrad: true);

    /// <summary>Given values, rounded to <paramref name="dtype"/>.</summary>
    public NdArray Array(double[] values, Shape shape, DType dtype) =>
        NdArray.FromDoubles(Backend, values, shape, dtype);

    /// <summary>The same values at an address that is a multiple of the element's size and of nothing more.</summary>
    public NdArray Shifted(NdArray x)
    {
        double[] values = [0, .. x.ToDoubles()];
        return Array(values, [values.Length], x.DType).Rows(1, values.Length).Reshape(x.Shape);
    }

    /// <summary>Whole numbers in [0, <paramref name="end"/>), for labels and indices.</summary>
    public NdArray Integers(Shape shape, DType dtype, int seed, int end)
    {
        var random = new Random(seed);
        return Array([.. Enumerable.Range(0, (int)shape.Count).Select(_ => (double)random.Next(end))], shape, dtype);
    }

    /// <summary>Gives everything back.</summary>
    public void Dispose() => _scope.Dispose();
}
