using CudaViT.Core;

namespace CudaViT.Backend.Tests;

public sealed class SumTests : ReductionTests
{
    protected override Tensor Apply(Tensor x, int[]? axes, bool keepDims) => x.Sum(axes, keepDims);

    protected override double Function(double[] terms) => terms.Sum();

    protected override double[] Derivatives(double[] terms) => Array.ConvertAll(terms, _ => 1.0);
}
