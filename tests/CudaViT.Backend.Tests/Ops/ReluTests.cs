using CudaViT.Core;
using CudaViT.TestKit;
using static System.Double;

namespace CudaViT.Backend.Tests;

public sealed class ReluTests : UnaryTests
{
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Negative_numbers_become_zero_and_NaN_stays(string backend) => CheckExactly(
        backend, (-2, 0), (0, 0), (3, 3), (NegativeInfinity, 0), (PositiveInfinity, PositiveInfinity), (NaN, NaN));

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void The_gradient_at_zero_is_zero(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Leaf([0, -0.0, 1, -1, 0, 0, 2, 0, 0], [9], dtype); // a vector register and a rest

        x.Relu().Backward(run.Array([1, 2, 3, 4, 5, 6, 7, 8, 9], [9], dtype));

        TensorAssert.Within([0, 0, 3, 0, 0, 0, 7, 0, 0], x.Grad, bound: 0);
    }

    protected override Tensor Apply(Tensor x) => x.Relu();

    protected override double Function(double x) => Math.Max(x, 0);

    protected override double Derivative(double x) => x > 0 ? 1 : 0;
}
