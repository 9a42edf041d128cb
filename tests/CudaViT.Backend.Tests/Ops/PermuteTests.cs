using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class PermuteTests
{
    // No change; a matrix below, at and beyond a tile; a batch of matrices; attention's head split, also with heads of
    // whole packs; channels last; three axes turned either way; four and eight reversed; dimensions of 1; a scalar;
    // nothing.
    public static TheoryData<string, DType, int[], int[]> Cases => Backends.Cross<int[], int[]>(
        ([2, 3], [0, 1]),
        ([3, 5], [1, 0]),
        ([32, 32], [1, 0]),
        ([33, 100], [1, 0]),
        ([4, 70, 65], [0, 2, 1]),
        ([2, 7, 3, 4], [0, 2, 1, 3]),
        ([2, 7, 3, 32], [0, 2, 1, 3]),
        ([2, 3, 9, 11], [0, 2, 3, 1]),
        ([5, 6, 7], [2, 0, 1]),
        ([5, 6, 7], [1, 2, 0]),
        ([3, 40, 5, 37], [3, 2, 1, 0]),
        ([2, 2, 2, 2, 2, 2, 2, 2], [7, 6, 5, 4, 3, 2, 1, 0]),
        ([2, 1, 3, 1], [3, 2, 1, 0]),
        ([1, 1], [1, 0]),
        ([], []),
        ([0, 3], [1, 0]));

    [Theory, MemberData(nameof(Cases))]
    public void Forward_and_backward_agree_with_the_reference(string backend, DType dtype, int[] shape, int[] order)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal(Shape.Create(shape), dtype, seed: 1);
        int[] indices = Reference.PermuteIndices(shape, order);

        Tensor y = x.Permute(order);
        NdArray dy = run.Normal(y.Shape, dtype, seed: 2).Data;
        y.Backward(dy);

        Assert.Equal(Shape.Create(Array.ConvertAll(order, axis => shape[axis])), y.Shape);
        double[] values = x.Data.ToDoubles();
        TensorAssert.Within(Array.ConvertAll(indices, i => values[i]), y.Data, bound: 0);
        double[] gradient = new double[values.Length];
        double[] upstream = dy.ToDoubles();
        for (int i = 0; i < indices.Length; i++)
        {
            gradient[indices[i]] = upstream[i];
        }

        TensorAssert.Within(gradient, x.Grad, bound: 0, "gradient");
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Views_may_start_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        NdArray x = run.Normal([1 + (5 * 3 * 32)], dtype, seed: 1).Data.Rows(1, 1 + (5 * 3 * 32));
        double[] values = x.ToDoubles();
        foreach (int[] order in new int[][] { [1, 0, 2], [0, 2, 1], [0, 1, 2] })
        {
            int[] indices = Reference.PermuteIndices([5, 3, 32], order);
            NdArray y = run.Backend.Permute(x.Reshape(5, 3, 32), order);
            TensorAssert.Within(Array.ConvertAll(indices, i => values[i]), y, bound: 0);
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void More_axes_than_a_kernel_walks_are_refused_with_a_way_out(string backend)
    {
        using TestRun run = Backends.Open(backend);
        int[] order = [8, 7, 6, 5, 4, 3, 2, 1, 0];
        Tensor x = run.Normal([2, 2, 2, 2, 2, 2, 2, 2, 2], DType.F32, seed: 1);
        if (backend == Backends.Cpu)
        {
            TensorAssert.SameBits(x.Data, x.Permute(order).Permute(order).Data);
            return;
        }

        ArgumentException error = Assert.Throws<ArgumentException>(() => x.Permute(order));
        Assert.Contains("in two steps", error.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Integers_of_every_size_can_be_permuted(string backend)
    {
        using TestRun run = Backends.Open(backend);
        foreach (DType dtype in new[] { DType.U8, DType.I32, DType.I64 })
        {
            var x = new Tensor(run.Array([1, 2, 3, 4, 5, 6], [2, 3], dtype));
            TensorAssert.Within([1, 4, 2, 5, 3, 6], x.Transpose(0, -1).Data, bound: 0);
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        GradCheck.Run(t => t.Permute(2, 0, -2), run.Normal([2, 3, 4], DType.F64, seed: 1));
        GradCheck.Run(t => t.Transpose(-1, -2), run.Normal([2, 3, 4], DType.F64, seed: 1));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3], DType.F32, seed: 1);

        ArgumentException error = Assert.Throws<ArgumentException>(() => x.Permute(0, 0));
        Assert.Contains("[0, 0]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => x.Permute(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Permute(0, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Transpose(0, 2));
    }
}
