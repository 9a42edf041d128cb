using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class DropPathTests
{
    // Single numbers as samples; odd sizes; whole packs; more samples than a chunk; none.
    public static TheoryData<string, DType, int, int, double> Cases => Backends.Cross(
        (9, 1, 0.5), (5, 33, 0.3), (6, 64, 0.3), (400, 100, 0.1), (0, 4, 0.5));

    [Theory, MemberData(nameof(Cases))]
    public void Whole_samples_follow_the_random_stream(string backend, DType dtype, int samples, int size, double p)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Uniform([samples, 1, size], dtype, seed: 1, low: 1, high: 2);
        NdArray dy = run.Uniform(x.Shape, dtype, seed: 2, low: 1, high: 2).Data;

        Tensor y = DropPath.Apply(x, p, seed: 7, stream: (5UL << 31) | 3);
        y.Backward(dy);

        var stream = new RandomStream(7, epoch: 5, sample: 3, view: 0, RandomOperation.DropPath);
        double[] factors =
            [.. Enumerable.Range(0, samples * size).Select(i => stream.Single(i / size) >= p ? 1 / (1 - p) : 0)];
        TensorAssert.Close([.. x.Data.ToDoubles().Zip(factors, (v, f) => v * f)], y, Tolerance.For(dtype));
        TensorAssert.Close([.. dy.ToDoubles().Zip(factors, (v, f) => v * f)], x.Grad, Tolerance.For(dtype), "gradient");
    }
}
