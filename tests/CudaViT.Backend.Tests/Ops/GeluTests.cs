using CudaViT.Core;
using CudaViT.TestKit;
using static System.Double;

namespace CudaViT.Backend.Tests;

public sealed class GeluTests : UnaryTests
{
    protected override (double Low, double High) Domain => (-6, 6);

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Far_out_it_is_the_identity_or_zero(string backend) =>
        CheckExactly(backend, (0, 0), (64, 64), (PositiveInfinity, PositiveInfinity), (NaN, NaN));

    // 0.5·x·(1 + erf(x/√2)) written down as it stands has no digit left here: the sum is a difference of equal numbers.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Far_to_the_left_it_keeps_its_relative_accuracy(string backend)
    {
        using TestRun run = Backends.Open(backend);
        foreach (double x in new double[] { -6, -9, -12 })
        {
            foreach (DType dtype in Backends.FloatTypes)
            {
                Tolerance tolerance = Tolerance.For(dtype) with { Scale = 0 };
                TensorAssert.Close([Function(x)], run.Leaf([x], [1], dtype).Gelu(), tolerance, $"{dtype} at {x}");
            }
        }
    }

    protected override Tensor Apply(Tensor x) => x.Gelu();

    protected override double Function(double x) => x * Reference.NormalDistribution(x);

    protected override double Derivative(double x) =>
        Reference.NormalDistribution(x) + (x * Reference.NormalDensity(x));
}
