using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class LogSoftmaxTests
{
    // One class; below, at and above a vector register; attention's 197 tokens; a row whose last packs occupy a part of
    // a warp; more rows than a chunk; no rows. The shift makes e^x overflow or vanish in F32 unless the maximum is
    // taken out first.
    public static TheoryData<string, DType, int, int, double> Cases => Backends.Cross(
        (3, 1, 0.0), (2, 7, 0), (2, 8, 200), (5, 9, -200), (4, 197, 0), (3, 264, 0), (900, 33, 200), (0, 5, 0));

    [Theory, MemberData(nameof(Cases))]
    public void Forward_agrees_with_the_double_reference(string backend, DType dtype, int rows, int width, double shift)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, width], dtype, seed: 1, scale: 3, shift);

        Tensor y = x.LogSoftmax();

        double[] expected = Reference.LogSoftmax(x.Data.ToDoubles(), width);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, width).Times(2));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Backward_agrees_with_the_double_reference(
        string backend, DType dtype, int rows, int width, double shift)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, 1, width], dtype, seed: 1, scale: 2, shift);
        NdArray dy = run.Normal(x.Shape, dtype, seed: 2).Data;

        x.LogSoftmax().Backward(dy);

        // In BF16 the saved logarithm l is off by up to |l|·2⁻⁹, which its exponential turns into a relative error.
        double[] expected = Reference.LogSoftmaxBackward(dy.ToDoubles(), x.Data.ToDoubles(), width);
        double sum = Math.Sqrt(width) * 4;
        TensorAssert.Close(expected, x.Grad, Tolerance.For(dtype, width).Times(2).At(sum));
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Large_logits_keep_their_digits(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Leaf([16384, 16384, -16384, -16384, 16384, -16384], [3, 2], dtype);

        Tensor y = x.LogSoftmax();

        // The scale is that of each row: with the size of the logits as scale, nothing of −ln 2 would be checked.
        double half = -Math.Log(2);
        TensorAssert.Close([half, half, half, half], y.Data.Rows(0, 2), Tolerance.For(dtype));
        TensorAssert.Within([0, -32768], y.Data.Rows(2, 3), bound: 1e-6);
        y.Backward(run.Normal([3, 2], dtype, seed: 1).Data);
        Assert.All(x.Grad!.ToDoubles(), v => Assert.True(double.IsFinite(v)));
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Operands_may_begin_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = new(run.Shifted(run.Normal([5, 264], dtype, seed: 1).Data), requiresGrad: true);
        NdArray dy = run.Shifted(run.Normal([5, 264], dtype, seed: 2).Data);

        Tensor y = x.LogSoftmax();
        y.Backward(dy);

        double[] expected = Reference.LogSoftmax(x.Data.ToDoubles(), 264);
        double[] dx = Reference.LogSoftmaxBackward(dy.ToDoubles(), x.Data.ToDoubles(), 264);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, 264).Times(2));
        TensorAssert.Close(dx, x.Grad, Tolerance.For(dtype, 264).Times(2).At(Math.Sqrt(264) * 4), "dx");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        GradCheck.Run(t => t.LogSoftmax(), run.Normal([3, 2, 5], DType.F64, seed: 1));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Scalars_and_integers_are_refused(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor scalar = run.Normal([], DType.F32, seed: 1);
        ArgumentException error = Assert.Throws<ArgumentException>(() => scalar.LogSoftmax());
        Assert.Contains("LogSoftmax", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Tensor(run.Integers([3], DType.I32, seed: 1, end: 9)).LogSoftmax());
    }
}
