using CudaViT.Core;
using CudaViT.TestKit;
using static System.Double;

namespace CudaViT.Backend.Tests;

public sealed class TanhTests : UnaryTests
{
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Large_numbers_saturate_and_zero_stays(string backend) => CheckExactly(
        backend, (0, 0), (Math.ScaleB(1, -60), Math.ScaleB(1, -60)), (1000, 1), (-1000, -1), (NaN, NaN));

    protected override Tensor Apply(Tensor x) => x.Tanh();

    protected override double Function(double x) => Math.Tanh(x);

    protected override double Derivative(double x) => 1 - (Math.Tanh(x) * Math.Tanh(x));
}
