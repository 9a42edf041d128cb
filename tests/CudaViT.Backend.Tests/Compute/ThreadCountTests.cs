using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>Sums over a batch run on all threads, yet their bits are those of one thread.</summary>
public sealed class ThreadCountTests
{
    public static TheoryData<DType> Types => [.. Backends.FloatTypes];

    // More rows than one block and more than one chunk, none of them a multiple of either.
    [Theory, MemberData(nameof(Types))]
    public void Batch_norm_has_the_same_bits_with_any_number_of_threads(DType dtype) => Compare(dtype, (backend, x) =>
    {
        BatchNormStatistics statistics = new(backend, x.Shape[1], dtype);
        Tensor weight = Leaf(backend, [x.Shape[1]], dtype, seed: 2);
        Tensor y = BatchNorm.Apply(x, weight, weight, statistics, training: true);
        y.Backward(Leaf(backend, y.Shape, dtype, seed: 3).Data);
        return [y.Data, statistics.RunningMean, statistics.RunningVariance, weight.Grad!];
    });

    [Theory, MemberData(nameof(Types))]
    public void Losses_have_the_same_bits_with_any_number_of_threads(DType dtype) => Compare(dtype, (backend, x) =>
    {
        double[] labels = [.. Enumerable.Range(0, x.Shape[0]).Select(i => (double)(i % x.Shape[1]))];
        Tensor entropy = CrossEntropy.Apply(x, NdArray.FromDoubles(backend, labels, [x.Shape[0]], DType.I32));
        Tensor contrast = InfoNce.Apply(x, Leaf(backend, x.Shape, dtype, seed: 2).Data, temperature: 0.2);
        entropy.Backward();
        contrast.Backward();
        return [entropy.Data, contrast.Data];
    });

    private static void Compare(DType dtype, Func<IBackend, Tensor, NdArray[]> compute)
    {
        using var one = new CpuBackend(threads: 1);
        NdArray[] expected = Run(one);
        foreach (int threads in new[] { 2, 5 })
        {
            using var several = new CpuBackend(threads);
            NdArray[] actual = Run(several);
            for (int i = 0; i < expected.Length; i++)
            {
                TensorAssert.SameBits(expected[i], actual[i], $"result {i} with {threads} threads");
            }
        }

        NdArray[] Run(IBackend backend)
        {
            Tensor x = Leaf(backend, [1700, 67], dtype, seed: 1);
            NdArray[] results = compute(backend, x);
            return [.. results, x.Grad!];
        }
    }

    private static Tensor Leaf(IBackend backend, Shape shape, DType dtype, int seed) =>
        new(NdArray.FromDoubles(backend, Values.Normal(shape.Count, seed), shape, dtype), requiresGrad: true);
}
