using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class SoftmaxTests
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

        Tensor y = x.Softmax();

        double[] expected = Reference.Softmax(x.Data.ToDoubles(), width);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, width));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Backward_agrees_with_the_double_reference(
        string backend, DType dtype, int rows, int width, double shift)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, 1, width], dtype, seed: 1, scale: 2, shift);
        NdArray dy = run.Normal(x.Shape, dtype, seed: 2).Data;

        x.Softmax().Backward(dy);

        // The saved probabilities are rounded to the type; they add up to 1 and are multiplied by elements of dy.
        double[] expected = Reference.SoftmaxBackward(dy.ToDoubles(), x.Data.ToDoubles(), width);
        double largest = dy.ToDoubles().Select(Math.Abs).DefaultIfEmpty().Max();
        TensorAssert.Close(expected, x.Grad, Tolerance.For(dtype, width).Times(2).At(largest));
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Neither_large_logits_nor_a_dominating_one_overflow(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        double[] values = [1000, 1000, -1000, -1000, 1000, -1000, double.NegativeInfinity, 0];
        Tensor x = run.Leaf(values, [4, 2], dtype);

        Tensor y = x.Softmax();

        TensorAssert.Close([0.5, 0.5, 0.5, 0.5, 1, 0, 0, 1], y, Tolerance.For(dtype));
        y.Backward(run.Normal([4, 2], dtype, seed: 1).Data);
        Assert.All(x.Grad!.ToDoubles(), v => Assert.True(double.IsFinite(v)));
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Operands_may_begin_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = new(run.Shifted(run.Normal([5, 264], dtype, seed: 1).Data), requiresGrad: true);
        NdArray dy = run.Shifted(run.Normal([5, 264], dtype, seed: 2).Data);

        Tensor y = x.Softmax();
        y.Backward(dy);

        double[] expected = Reference.Softmax(x.Data.ToDoubles(), 264);
        double[] dx = Reference.SoftmaxBackward(dy.ToDoubles(), x.Data.ToDoubles(), 264);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, 264));
        TensorAssert.Close(dx, x.Grad, Tolerance.For(dtype, 264).Times(2).At(dy.ToDoubles().Max(Math.Abs)), "dx");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        GradCheck.Run(t => t.Softmax(), run.Normal([3, 2, 5], DType.F64, seed: 1));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Scalars_and_integers_are_refused(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor scalar = run.Normal([], DType.F32, seed: 1);
        ArgumentException error = Assert.Throws<ArgumentException>(() => scalar.Softmax());
        Assert.Contains("Softmax", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new Tensor(run.Integers([3], DType.I32, seed: 1, end: 9)).Softmax());
    }
}
