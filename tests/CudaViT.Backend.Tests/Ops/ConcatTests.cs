using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class ConcatTests
{
    // Leading, middle and last axis (the class token goes before tokens on the middle one); an empty part; one part.
    public static TheoryData<string, DType, int, int[]> Cases => Backends.Cross<int, int[]>(
        (0, [2, 3]), (1, [1, 5, 2]), (2, [4, 1]), (-1, [3, 0, 2]), (1, [6]), (0, [0, 0]));

    [Theory, MemberData(nameof(Cases))]
    public void Parts_come_out_as_they_went_in(string backend, DType dtype, int axis, int[] lengths)
    {
        using TestRun run = Backends.Open(backend);
        Shape rest = [3, 4, 5];
        Tensor[] parts = [.. lengths.Select((length, i) => run.Normal(rest.With(axis, length), dtype, seed: i))];

        Tensor y = Concat.Apply(parts, axis);
        NdArray dy = run.Normal(y.Shape, dtype, seed: 9).Data;
        y.Backward(dy);

        Assert.Equal(rest.With(axis, lengths.Sum()), y.Shape);
        int start = 0;
        foreach (Tensor part in parts)
        {
            int end = start + part.Shape[rest.Axis(axis)];
            TensorAssert.Within(Range(y.Data, rest.Axis(axis), start, end), part.Data, bound: 0);
            TensorAssert.Within(Range(dy, rest.Axis(axis), start, end), part.Grad, bound: 0, "gradient");
            start = end;
        }
    }

    // A class token before tokens: rows of whole packs, in aligned memory and in views that start elsewhere.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Rows_of_whole_packs_are_joined_wherever_they_start(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        foreach (int start in new[] { 0, 1 })
        {
            Tensor token = run.Normal([start + 32], dtype, seed: 1).Slice(0, start, start + 32).Reshape(2, 1, 16);
            Tensor tokens = run.Normal([start + 96], dtype, seed: 2).Slice(0, start, start + 96).Reshape(2, 3, 16);

            Tensor y = Concat.Apply([token, tokens], axis: 1);

            TensorAssert.Within(Range(y.Data, 1, 0, 1), token.Data, bound: 0);
            TensorAssert.Within(Range(y.Data, 1, 1, 4), tokens.Data, bound: 0);
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor a = run.Normal([2, 3], DType.F64, seed: 1);
        Tensor b = run.Normal([2, 1], DType.F64, seed: 2);
        GradCheck.Run(t => Concat.Apply([t[0], t[1], t[0]], axis: 1), a, b); // one tensor twice
        GradCheck.Run(t => Concat.Apply([t, t], axis: 0), a);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor a = run.Normal([2, 3], DType.F32, seed: 1);

        ArgumentException error = Assert.Throws<ArgumentException>(
            () => Concat.Apply([a, run.Normal([3, 4], DType.F32, seed: 1)], axis: 0));
        Assert.Contains("inputs[1] is [3, 4]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Concat.Apply([], axis: 0));
        Assert.Throws<ArgumentException>(() => Concat.Apply([a, a.Reshape(6)], axis: 0));
        Assert.Throws<ArgumentException>(() => Concat.Apply([a, a.Cast(DType.F64)], axis: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Concat.Apply([a, a], axis: 2));
    }

    private static double[] Range(NdArray x, int axis, int start, int end)
    {
        int[] shape = x.Shape.Dimensions.ToArray();
        int inner = (int)x.Shape.CountFrom(axis + 1);
        double[] values = x.ToDoubles();
        return [.. Enumerable.Range(0, values.Length)
            .Where(i => i / inner % shape[axis] >= start && i / inner % shape[axis] < end)
            .Select(i => values[i])];
    }
}
