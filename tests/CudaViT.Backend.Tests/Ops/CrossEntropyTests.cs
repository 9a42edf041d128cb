using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class CrossEntropyTests
{
    // Rows, classes, smoothing. One class, where the loss is 0; a width just past a tile; a row whose last packs occupy
    // a part of a warp; many rows; half of the target spread out.
    public static TheoryData<string, DType, int, int, double> Cases => Backends.Cross(
        (3, 1, 0.0),
        (1, 10, 0.0),
        (5, 257, 0.1),
        (6, 264, 0.1),
        (700, 10, 0.0),
        (33, 100, 0.5));

    [Theory, MemberData(nameof(Cases))]
    public void Loss_and_gradient_agree_with_the_double_reference(
        string backend, DType dtype, int rows, int classes, double smoothing)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, classes], dtype, seed: 1, scale: 3);
        NdArray labels = run.Integers([rows], DType.I64, seed: 2, classes);

        Tensor loss = CrossEntropy.Apply(x, labels, smoothing);
        loss.Backward(run.Array([3], [], loss.DType));

        (double expected, double[] dx) = Reference.CrossEntropy(
            x.Data.ToDoubles(), labels.ToDoubles(), rows, classes, smoothing);
        Assert.Equal(dtype.Accumulator(), loss.DType);
        TensorAssert.Close([expected], loss, Tolerance.For(loss.DType, reduced: (long)rows + classes).At(10));
        double[] gradient = [.. dx.Select(g => 3 * g)];

        // exp(x − logΣexp) inherits the rounding of the exponent, which is of the size of the logits.
        TensorAssert.Close(gradient, x.Grad, Tolerance.For(dtype, reduced: classes).Times(10).At(1.0 / rows), "dx");
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Logits_beyond_the_range_of_exp_are_no_problem(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Leaf([1e5, 0, -1e5, -1e5, 0, 1e5], [2, 3], dtype);

        Tensor right = CrossEntropy.Apply(x, run.Array([0, 2], [2], DType.I32));
        Tensor wrong = CrossEntropy.Apply(x, run.Array([1, 1], [2], DType.I32));

        double distance = x.Data.ToDoubles()[0];
        Assert.Equal(0, right.Data.Item());
        Assert.Equal(distance, wrong.Data.Item());
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Logits_may_begin_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = new(run.Shifted(run.Normal([6, 64], dtype, seed: 1).Data), requiresGrad: true);
        NdArray labels = run.Shifted(run.Integers([6], DType.I32, seed: 2, end: 64));

        Tensor loss = CrossEntropy.Apply(x, labels);
        loss.Backward();

        (double expected, double[] dx) = Reference.CrossEntropy(x.Data.ToDoubles(), labels.ToDoubles(), 6, 64, 0);
        TensorAssert.Close([expected], loss, Tolerance.For(loss.DType, reduced: 70).At(10));
        TensorAssert.Close(dx, x.Grad, Tolerance.For(dtype, reduced: 64).Times(10).At(1.0 / 6), "dx");
    }

    // Apply refuses such labels; on a device they may come from elsewhere, and must not be used as addresses.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void A_label_that_is_no_class_makes_the_loss_NaN(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        if (run.Backend.Name == "cpu")
        {
            return; // it throws
        }

        NdArray x = run.Normal([3, 4], dtype, seed: 1).Data;
        foreach (int label in (int[])[-1, 4, int.MaxValue])
        {
            NdArray labels = run.Array([0, label, 3], [3], DType.I32);
            (NdArray loss, NdArray logSum) = run.Backend.CrossEntropy(x, labels, labelSmoothing: 0);
            NdArray dy = run.Array([1], [], loss.DType);
            double[] dx = run.Backend.CrossEntropyBackward(dy, x, labels, logSum, labelSmoothing: 0).ToDoubles();

            Assert.True(double.IsNaN(loss.Item()));
            Assert.All(dx[4..8], v => Assert.True(double.IsNaN(v)));
            Assert.All(dx[..4].Concat(dx[8..]), v => Assert.True(double.IsFinite(v)));
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([6, 9], DType.F64, seed: 1);
        NdArray labels = run.Integers([6], DType.I32, seed: 2, end: 9);
        GradCheck.Run(t => CrossEntropy.Apply(t, labels), x);
        GradCheck.Run(t => CrossEntropy.Apply(t, labels, labelSmoothing: 0.1), x);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([3, 4], DType.F32, seed: 1);
        NdArray labels = run.Array([0, 3, 1], [3], DType.I64);

        Throws("label 4 in row 1", () => CrossEntropy.Apply(x, run.Array([0, 4, 1], [3], DType.I64)));
        Throws("label -1 in row 2", () => CrossEntropy.Apply(x, run.Array([0, 0, -1], [3], DType.I32)));
        Throws("I64[2]", () => CrossEntropy.Apply(x, labels.Rows(0, 2)));
        Throws("F32[3]", () => CrossEntropy.Apply(x, labels.Cast(DType.F32)));
        Throws("[3, 2, 2]", () => CrossEntropy.Apply(x.Reshape(3, 2, 2), labels));
        Throws("at least one row", () => CrossEntropy.Apply(new Tensor(x.Data.Rows(0, 0)), labels.Rows(0, 0)));
        Assert.Throws<ArgumentOutOfRangeException>(() => CrossEntropy.Apply(x, labels, labelSmoothing: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => CrossEntropy.Apply(x, labels, labelSmoothing: -0.1));
    }

    private static void Throws(string part, Action call) =>
        Assert.Contains(part, Assert.Throws<ArgumentException>(call).Message, StringComparison.Ordinal);
}
