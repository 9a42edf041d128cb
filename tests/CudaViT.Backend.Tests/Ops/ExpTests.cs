using CudaViT.Core;
using CudaViT.TestKit;
using static System.Double;

namespace CudaViT.Backend.Tests;

public sealed class ExpTests : UnaryTests
{
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void What_is_too_large_becomes_infinite_and_what_is_too_small_zero(string backend) => CheckExactly(
        backend,
        (1000, PositiveInfinity), (PositiveInfinity, PositiveInfinity), (NegativeInfinity, 0), (-1000, 0), (0, 1),
        (NaN, NaN));

    protected override Tensor Apply(Tensor x) => x.Exp();

    protected override double Function(double x) => Math.Exp(x);

    protected override double Derivative(double x) => Math.Exp(x);
}
