using CudaViT.Core;
using CudaViT.TestKit;
using static System.Double;

namespace CudaViT.Backend.Tests;

public sealed class SqrtTests : UnaryTests
{
    protected override (double Low, double High) Domain => (0.3, 4);

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Squares_have_exact_roots_and_negative_numbers_none(string backend) => CheckExactly(
        backend, (0, 0), (4, 2), (-1, NaN), (PositiveInfinity, PositiveInfinity));

    protected override Tensor Apply(Tensor x) => x.Sqrt();

    protected override double Function(double x) => Math.Sqrt(x);

    protected override double Derivative(double x) => 0.5 / Math.Sqrt(x);
}
