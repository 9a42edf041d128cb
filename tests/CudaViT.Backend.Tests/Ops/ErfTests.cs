using CudaViT.Core;
using CudaViT.TestKit;
using static System.Double;

namespace CudaViT.Backend.Tests;

public sealed class ErfTests : UnaryTests
{
    // Abramowitz and Stegun, table 7.1, with more digits.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Known_values_are_met(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Leaf([0.5, 1, 2, -1], [4], DType.F64);
        double[] expected = [0.5204998778130465, 0.8427007929497149, 0.9953222650189527, -0.8427007929497149];
        TensorAssert.Within(expected, x.Erf().Data, bound: 4e-16);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Large_numbers_saturate_and_zero_stays(string backend) => CheckExactly(
        backend, (0, 0), (10, 1), (-10, -1), (PositiveInfinity, 1), (NegativeInfinity, -1), (NaN, NaN));

    protected override Tensor Apply(Tensor x) => x.Erf();

    protected override double Function(double x) => Reference.Erf(x);

    protected override double Derivative(double x) => 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x);
}
