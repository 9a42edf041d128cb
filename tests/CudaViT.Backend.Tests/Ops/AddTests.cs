using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class AddTests : BroadcastingTests
{
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void The_operator_and_the_fluent_form_are_the_operation(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor a = run.Normal([3, 4], DType.F32, seed: 1);
        Tensor b = run.Normal([4], DType.F32, seed: 2);

        TensorAssert.SameBits(Apply(a, b).Data, (a + b).Data);
        TensorAssert.SameBits(Apply(a, b).Data, a.Add(b).Data);
    }

    protected override Tensor Apply(Tensor a, Tensor b) => Core.Add.Apply(a, b);

    protected override double Function(double a, double b) => a + b;

    protected override (double ByA, double ByB) Derivatives(double a, double b) => (1, 1);
}
