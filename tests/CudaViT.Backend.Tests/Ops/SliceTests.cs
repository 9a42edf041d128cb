using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class SliceTests
{
    // Leading axis (a view); the class token of every image; the last axis; nothing of it; all of it.
    public static TheoryData<string, DType, int, int, int> Cases => Backends.Cross(
        (0, 1, 3), (1, 0, 1), (1, 2, 5), (2, 6, 7), (-1, 0, 3), (1, 3, 3), (0, 0, 4));

    [Theory, MemberData(nameof(Cases))]
    public void Forward_and_backward_agree_with_the_reference(string backend, DType dtype, int axis, int start, int end)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([4, 5, 7], dtype, seed: 1);

        Tensor y = x.Slice(axis, start, end);
        NdArray dy = run.Normal(y.Shape, dtype, seed: 2).Data;
        y.Backward(dy);

        int along = x.Shape.Axis(axis);
        int inner = (int)x.Shape.CountFrom(along + 1);
        int[] inside = [.. Enumerable.Range(0, (int)x.Data.Count)
            .Where(i => i / inner % x.Shape[along] >= start && i / inner % x.Shape[along] < end)];
        double[] values = x.Data.ToDoubles();
        Assert.Equal(x.Shape.With(axis, end - start), y.Shape);
        TensorAssert.Within(Array.ConvertAll(inside, i => values[i]), y.Data, bound: 0);

        double[] gradient = new double[values.Length];
        double[] upstream = dy.ToDoubles();
        for (int i = 0; i < inside.Length; i++)
        {
            gradient[inside[i]] = upstream[i];
        }

        TensorAssert.Within(gradient, x.Grad, bound: 0, "gradient");
    }

    // Tokens without the class token: rows of whole packs, in aligned memory and in views that start elsewhere.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Rows_of_whole_packs_are_cut_wherever_they_start(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        foreach (int start in new[] { 0, 1 })
        {
            NdArray x = run.Normal([start + 192], dtype, seed: 1).Data.Rows(start, start + 192).Reshape(3, 4, 16);

            NdArray y = run.Backend.Slice(x, axis: 1, start: 1, end: 4);
            NdArray dx = run.Backend.SliceBackward(y, axis: 1, start: 1, [3, 4, 16]);

            double[] values = x.ToDoubles();
            bool[] isInside = [.. Enumerable.Range(0, 192).Select(i => i / 16 % 4 >= 1)];
            TensorAssert.Within([.. values.Where((_, i) => isInside[i])], y, bound: 0);
            TensorAssert.Within([.. values.Select((v, i) => isInside[i] ? v : 0)], dx, bound: 0, "gradient");
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Contiguous_ranges_are_views(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([4, 6], DType.F32, seed: 1);

        Assert.Same(x.Data.Storage, x.Slice(0, 1, 3).Data.Storage);
        Assert.Same(x.Data.Storage, x.Reshape(1, 4, 6).Slice(1, 1, 3).Data.Storage);
        Assert.NotSame(x.Data.Storage, x.Slice(1, 1, 3).Data.Storage);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([3, 4], DType.F64, seed: 1);
        GradCheck.Run(t => t.Slice(0, 1, 3) * t.Slice(0, 0, 2), x); // the parts overlap
        GradCheck.Run(t => t.Slice(1, 1, 3), x);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([3, 4], DType.F32, seed: 1);

        ArgumentException error = Assert.Throws<ArgumentOutOfRangeException>(() => x.Slice(1, 2, 5));
        Assert.Contains("[2, 5)", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Slice(1, -1, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Slice(1, 2, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Slice(2, 0, 1));
    }
}
