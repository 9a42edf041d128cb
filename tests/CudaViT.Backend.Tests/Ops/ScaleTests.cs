using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class ScaleTests : UnaryTests
{
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Operators_are_the_operation(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([9], DType.F32, seed: 1);

        TensorAssert.SameBits(Scale.Apply(x, 0.3).Data, (x * 0.3).Data);
        TensorAssert.SameBits(Scale.Apply(x, 0.3).Data, (0.3 * x).Data);
        TensorAssert.SameBits(Scale.Apply(x, -1).Data, (-x).Data);
    }

    protected override Tensor Apply(Tensor x) => x.Scale(-1.7);

    protected override double Function(double x) => -1.7 * x;

    protected override double Derivative(double x) => -1.7;
}
