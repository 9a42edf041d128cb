using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>What functions of one element have in common; each has a class of its own with its formula.</summary>
public abstract class UnaryTests
{
    // One element; below, at and above a vector register; the block in which BF16 is widened, and one more; several
    // chunks with a rest; a scalar; nothing.
    public static TheoryData<string, DType, int[]> Cases =>
        Backends.Cross<int[]>([1], [7], [8], [3, 3], [512], [19, 27], [70_001], [], [0, 4]);

    /// <summary>Where inputs are drawn from, evenly.</summary>
    protected virtual (double Low, double High) Domain => (-3, 3);

    protected abstract Tensor Apply(Tensor x);

    protected abstract double Function(double x);

    protected abstract double Derivative(double x);

    [Theory, MemberData(nameof(Cases))]
    public void Forward_agrees_with_the_double_reference(string backend, DType dtype, int[] shape)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = Input(run, shape, dtype);

        double[] expected = Array.ConvertAll(x.Data.ToDoubles(), v => Function(v));
        TensorAssert.Close(expected, Apply(x), Tolerance.For(dtype));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Backward_agrees_with_the_double_reference(string backend, DType dtype, int[] shape)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = Input(run, shape, dtype);
        NdArray dy = run.Normal(x.Shape, dtype, seed: 2).Data;

        Apply(x).Backward(dy);

        // A derivative taken from the saved result brings that one's rounding along, times an element of dy.
        double[] expected = [.. x.Data.ToDoubles().Zip(dy.ToDoubles(), (v, u) => u * Derivative(v))];
        double largest = dy.ToDoubles().Select(Math.Abs).DefaultIfEmpty().Max();
        TensorAssert.Close(expected, x.Grad, Tolerance.For(dtype).Times(2).At(largest));
    }

    // Views that start at no multiple of 16 bytes cannot be read in packs.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Views_may_start_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = Input(run, [300], dtype);
        NdArray dy = run.Normal([300], dtype, seed: 2).Data.Rows(1, 300);

        Tensor y = Apply(x.Slice(0, 1, 300));
        y.Backward(dy);

        double[] values = x.Data.ToDoubles();
        TensorAssert.Close(Array.ConvertAll(values[1..], v => Function(v)), y, Tolerance.For(dtype));
        double[] gradient = [0, .. values[1..].Zip(dy.ToDoubles(), (v, u) => u * Derivative(v))];
        double largest = dy.ToDoubles().Select(Math.Abs).Max();
        TensorAssert.Close(gradient, x.Grad, Tolerance.For(dtype).Times(2).At(largest), "gradient");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        GradCheck.Run(Apply, Input(run, [5, 13], DType.F64));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Integers_are_refused(string backend)
    {
        using TestRun run = Backends.Open(backend);
        var integers = new Tensor(run.Integers([3], DType.I64, seed: 1, end: 9));

        ArgumentException error = Assert.Throws<ArgumentException>(() => Apply(integers));
        Assert.Contains("I64", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Checks exact results, special values among them, in every type.</summary>
    protected void CheckExactly(string backend, params (double X, double Y)[] pairs)
    {
        using TestRun run = Backends.Open(backend);
        foreach (DType dtype in Backends.FloatTypes)
        {
            Tensor x = run.Leaf(Array.ConvertAll(pairs, p => p.X), [pairs.Length], dtype);
            TensorAssert.Within(Array.ConvertAll(pairs, p => p.Y), Apply(x).Data, bound: 0, dtype.ToString());
        }
    }

    private Tensor Input(TestRun run, int[] shape, DType dtype) =>
        run.Uniform(Shape.Create(shape), dtype, seed: 1, Domain.Low, Domain.High);
}
