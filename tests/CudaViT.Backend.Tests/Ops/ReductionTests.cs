using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>What Sum, Mean and Max have in common; each has a class of its own with its formula.</summary>
public abstract class ReductionTests
{
    // Everything; rows; columns; the middle; two apart; negative axes; no axis; a scalar; a long row; many rows.
    public static TheoryData<string, DType, int[], int[]?> Cases => Backends.Cross<int[], int[]?>(
        ([3, 4], null),
        ([5, 33], [1]),
        ([33, 5], [0]),
        ([2, 3, 4], [1]),
        ([2, 3, 4, 5], [0, 2]),
        ([2, 3, 4, 5], [1, 3]),
        ([2, 3, 4], [-1, -2]),
        ([2, 3], []),
        ([], null),
        ([2, 20_000], [1]),
        ([500, 6], [0]),
        ([0, 3], [1]));

    protected abstract Tensor Apply(Tensor x, int[]? axes, bool keepDims);

    /// <summary>The result from the elements that go into it.</summary>
    protected abstract double Function(double[] terms);

    /// <summary>Derivatives of the result by each of them.</summary>
    protected abstract double[] Derivatives(double[] terms);

    [Theory, MemberData(nameof(Cases))]
    public void Forward_and_backward_agree_with_the_double_reference(
        string backend, DType dtype, int[] shape, int[]? axes)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal(Shape.Create(shape), dtype, seed: 1);
        int[] kept = Kept(shape, axes);

        Tensor y = Apply(x, axes, keepDims: true);
        NdArray dy = run.Normal(y.Shape, dtype, seed: 2).Data;
        y.Backward(dy);

        Assert.Equal(Shape.Create(kept), y.Shape);
        (double[] expected, double[] gradient) = Expected(x.Data.ToDoubles(), dy.ToDoubles(), shape, kept);
        double terms = (double)x.Data.Count / Math.Max(1, y.Data.Count);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, (long)terms).At(Function([Math.Sqrt(terms)])));
        TensorAssert.Close(gradient, x.Grad, Tolerance.For(dtype), "gradient");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Without_keepDims_reduced_dimensions_are_gone(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3, 4], DType.F32, seed: 1);

        Assert.Equal([3], Apply(x, [0, -1], keepDims: false).Shape);
        Assert.Equal([], Apply(x, null, keepDims: false).Shape);
        Tensor y = Apply(x, [1], keepDims: false);
        Assert.Equal([2, 4], y.Shape);
        TensorAssert.SameBits(Apply(x, [1], keepDims: true).Data.Reshape(2, 4), y.Data);
        y.Backward(run.Normal([2, 4], DType.F32, seed: 2).Data);
        Assert.Equal(x.Shape, x.Grad!.Shape);
    }

    // Distinct values, far apart, keep Max away from its kinks.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        double[] spread = [.. Enumerable.Range(0, 24).Select(i => ((i * 7) % 24 * 0.1) - 1)];
        Tensor x = run.Leaf(spread, [2, 3, 4], DType.F64);
        GradCheck.Run(t => Apply(t, null, keepDims: false), x);
        GradCheck.Run(t => Apply(t, [1], keepDims: false), x);
        GradCheck.Run(t => Apply(t, [0, 2], keepDims: true), x);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3], DType.F32, seed: 1);

        Assert.Throws<ArgumentOutOfRangeException>(() => Apply(x, [2], keepDims: false));
        ArgumentException error = Assert.Throws<ArgumentException>(() => Apply(x, [1, -1], keepDims: false));
        Assert.Contains("[1, -1]", error.Message, StringComparison.Ordinal);
        var integers = new Tensor(run.Integers([3], DType.I32, seed: 1, end: 9));
        Assert.Throws<ArgumentException>(() => Apply(integers, null, keepDims: false));
    }

    private static int[] Kept(int[] shape, int[]? axes)
    {
        int[] positive = axes is null
            ? [.. Enumerable.Range(0, shape.Length)]
            : Array.ConvertAll(axes, axis => axis < 0 ? axis + shape.Length : axis);
        return [.. shape.Select((size, axis) => positive.Contains(axis) ? 1 : size)];
    }

    private (double[] Y, double[] Dx) Expected(double[] x, double[] dy, int[] shape, int[] kept)
    {
        double[] y = new double[dy.Length];
        double[] dx = new double[x.Length];
        ILookup<int, int> sources = Enumerable.Range(0, x.Length).ToLookup(i => Reference.Project(i, shape, kept));
        for (int i = 0; i < y.Length; i++)
        {
            int[] indices = [.. sources[i]];
            double[] terms = Array.ConvertAll(indices, j => x[j]);
            y[i] = Function(terms);
            double[] derivatives = Derivatives(terms);
            for (int k = 0; k < indices.Length; k++)
            {
                dx[indices[k]] = dy[i] * derivatives[k];
            }
        }

        return (y, dx);
    }
}
