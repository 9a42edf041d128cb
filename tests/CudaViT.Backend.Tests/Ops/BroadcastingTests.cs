using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>What Add, Subtract, Multiply and Divide have in common; each has a class with its formula.</summary>
public abstract class BroadcastingTests
{
    // Equal; scalar on either side; a vector for every row, also the other way round; one number for every row; both
    // stretched; in the middle; dimensions of 1 only; rows of whole packs with each kind of partner, and both stretched
    // around them; as many axes as a kernel walks; more than one chunk of each kind; nothing, in two ways.
    public static TheoryData<string, DType, int[], int[]> Cases => Backends.Cross<int[], int[]>(
        ([3, 5], [3, 5]),
        ([2, 9], []),
        ([], [2, 9]),
        ([4, 17], [17]),
        ([17], [4, 17]),
        ([4, 17], [4, 1]),
        ([2, 1, 3], [1, 5, 1]),
        ([2, 3, 4, 5], [3, 1, 5]),
        ([1, 1], [1, 1, 1]),
        ([6, 64], [64]),
        ([6, 1], [6, 64]),
        ([3, 1, 16], [1, 5, 16]),
        ([2, 1, 2, 1, 2, 1, 2, 1], [1, 2, 1, 2, 1, 2, 1, 3]),
        ([150, 333], [333]),
        ([150, 333], [150, 1]),
        ([40_000], [1]),
        ([0, 4], [4]),
        ([3, 0], [3, 1]));

    protected abstract Tensor Apply(Tensor a, Tensor b);

    protected abstract double Function(double a, double b);

    protected abstract (double ByA, double ByB) Derivatives(double a, double b);

    [Theory, MemberData(nameof(Cases))]
    public void Forward_agrees_with_the_double_reference(string backend, DType dtype, int[] shapeA, int[] shapeB)
    {
        using TestRun run = Backends.Open(backend);
        (Tensor a, Tensor b) = Operands(run, dtype, shapeA, shapeB);

        Tensor y = Apply(a, b);

        Assert.Equal(Shape.Create(Reference.BroadcastShape(shapeA, shapeB)), y.Shape);
        double[] expected = Reference.Broadcast(a.Data.ToDoubles(), shapeA, b.Data.ToDoubles(), shapeB, Function);
        TensorAssert.Close(expected, y, Tolerance.For(dtype));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Backward_agrees_with_the_double_reference(string backend, DType dtype, int[] shapeA, int[] shapeB)
    {
        using TestRun run = Backends.Open(backend);
        (Tensor a, Tensor b) = Operands(run, dtype, shapeA, shapeB);
        int[] shape = Reference.BroadcastShape(shapeA, shapeB);
        NdArray dy = run.Normal(Shape.Create(shape), dtype, seed: 3).Data;

        Apply(a, b).Backward(dy);

        double[] upstream = dy.ToDoubles();
        double[] da = Gradient((x, z) => Derivatives(x, z).ByA);
        double[] db = Gradient((x, z) => Derivatives(x, z).ByB);
        Check(Reference.SumTo(da, shape, shapeA), a.Grad, "da");
        Check(Reference.SumTo(db, shape, shapeB), b.Grad, "db");

        double[] Gradient(Func<double, double, double> derivative) =>
            [.. Reference.Broadcast(a.Data.ToDoubles(), shapeA, b.Data.ToDoubles(), shapeB, derivative)
                .Zip(upstream, (d, u) => d * u)];

        // Up to three roundings to BF16 per term (quotient, saved result, product) before the sum; terms are about one.
        void Check(double[] expected, NdArray? gradient, string what)
        {
            double terms = Math.Max(1, dy.Count) / Math.Max(1.0, expected.Length);
            Tolerance tolerance = Tolerance.For(dtype, (long)terms).Times(3).At(Math.Sqrt(terms));
            TensorAssert.Close(expected, gradient, tolerance, what);
        }
    }

    // Views that start at no multiple of 16 bytes cannot be read in packs.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Operands_may_start_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        (Tensor a, Tensor b) = Operands(run, dtype, [33], [49]);
        double[] first = a.Data.ToDoubles()[1..];
        double[] second = b.Data.ToDoubles()[1..];

        Tensor y = Apply(a.Slice(0, 1, 33).Reshape(2, 16), b.Slice(0, 1, 49).Reshape(3, 1, 16));

        double[] expected = Reference.Broadcast(first, [2, 16], second, [3, 1, 16], Function);
        TensorAssert.Close(expected, y, Tolerance.For(dtype));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        (int[], int[])[] shapes = [([3, 4], [3, 4]), ([2, 3, 4], [3, 1]), ([4], [2, 1]), ([], [5])];
        foreach ((int[] a, int[] b) in shapes)
        {
            (Tensor first, Tensor second) = Operands(run, DType.F64, a, b);
            GradCheck.Run(inputs => Apply(inputs[0], inputs[1]), first, second);
            GradCheck.Run(t => Apply(t, t), second); // one tensor on both sides collects both gradients
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor a = run.Normal([2, 3], DType.F32, seed: 1);

        ArgumentException error = Assert.Throws<ArgumentException>(() => Apply(a, run.Normal([2], DType.F32, seed: 1)));
        Assert.Contains("[2, 3]", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ArgumentException>(() => Apply(a, run.Normal([3], DType.F64, seed: 1)));
        Assert.Contains("F64", error.Message, StringComparison.Ordinal);
        var integers = new Tensor(run.Integers([3], DType.I32, seed: 1, end: 9));
        Assert.Throws<ArgumentException>(() => Apply(integers, integers));
    }

    // The second operand keeps away from 0, because Divide is one of the four.
    private static (Tensor A, Tensor B) Operands(TestRun run, DType dtype, int[] a, int[] b) => (
        run.Normal(Shape.Create(a), dtype, seed: 1),
        run.Uniform(Shape.Create(b), dtype, seed: 2, low: 0.7, high: 2));
}
