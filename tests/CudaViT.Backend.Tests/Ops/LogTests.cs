using CudaViT.Core;
using CudaViT.TestKit;
using static System.Double;

namespace CudaViT.Backend.Tests;

public sealed class LogTests : UnaryTests
{
    protected override (double Low, double High) Domain => (0.1, 4);

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Zero_gives_minus_infinity_and_negative_numbers_NaN(string backend) => CheckExactly(
        backend, (0, NegativeInfinity), (-1, NaN), (1, 0), (PositiveInfinity, PositiveInfinity), (NaN, NaN));

    protected override Tensor Apply(Tensor x) => x.Log();

    protected override double Function(double x) => Math.Log(x);

    protected override double Derivative(double x) => 1 / x;
}
