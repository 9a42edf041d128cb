using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class MeanTests : ReductionTests
{
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void The_mean_of_nothing_is_NaN(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        TensorAssert.Within([double.NaN, double.NaN], run.Normal([0, 2], dtype, seed: 1).Mean([0]).Data, bound: 0);
    }

    protected override Tensor Apply(Tensor x, int[]? axes, bool keepDims) => x.Mean(axes, keepDims);

    protected override double Function(double[] terms) => terms.Average();

    protected override double[] Derivatives(double[] terms) => Array.ConvertAll(terms, _ => 1.0 / terms.Length);
}
