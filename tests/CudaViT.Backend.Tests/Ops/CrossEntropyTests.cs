using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class CrossEntropyTests
{
    // Rows, classes, smoothing. One class, where the loss is 0; a width just past a tile; many rows; half of the target
    // spread out.
    public static TheoryData<string, DType, int, int, double> Cases => Backends.Cross(
        (3, 1, 0.0),
        (1, 10, 0.0),
        (5, 257, 0.1),
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
