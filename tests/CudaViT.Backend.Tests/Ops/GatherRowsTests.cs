using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class GatherRowsTests
{
    // One row often; more picks than rows; fewer; a width beyond one chunk; no picks; rows of one number.
    public static TheoryData<string, DType, int, int, int> Cases => Backends.Cross(
        (1, 5, 9), (4, 30, 17), (50, 7, 3), (6, 9, 20_000), (3, 0, 4), (9, 40, 1));

    [Theory, MemberData(nameof(Cases))]
    public void Forward_and_backward_agree_with_the_double_reference(
        string backend, DType dtype, int rows, int picks, int width)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, width], dtype, seed: 1);
        NdArray indices = run.Integers([picks], DType.I64, seed: 2, end: rows);

        Tensor y = x.GatherRows(indices);
        NdArray dy = run.Normal([picks, width], dtype, seed: 3).Data;
        y.Backward(dy);

        int[] index = Array.ConvertAll(indices.ToArray<long>(), i => (int)i);
        double[] values = x.Data.ToDoubles();
        double[] upstream = dy.ToDoubles();
        double[] picked = new double[picks * width];
        double[] gradient = new double[values.Length];
        for (int i = 0; i < picked.Length; i++)
        {
            int from = (index[i / width] * width) + (i % width);
            picked[i] = values[from];
            gradient[from] += upstream[i];
        }

        TensorAssert.Within(picked, y.Data, bound: 0);
        TensorAssert.Close(gradient, x.Grad, Tolerance.For(dtype, picks).At(Math.Sqrt(picks)), "gradient");
    }

    // More rows than a block of threads links, more picks than it looks at in one go, and rows of whole packs.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Many_rows_and_picks_find_each_other(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        const int Rows = 300, Picks = 700, Width = 8;
        Tensor x = run.Normal([1 + (Rows * Width)], dtype, seed: 1); // a view of it starts at no multiple of 16 bytes
        NdArray indices = run.Integers([Picks], DType.I32, seed: 2, end: Rows);
        NdArray dy = run.Normal([Picks, Width], dtype, seed: 3).Data;

        Tensor y = x.Slice(0, 1, 1 + (Rows * Width)).Reshape(Rows, Width).GatherRows(indices);
        NdArray dx = run.Backend.GatherRowsBackward(dy, indices, Rows);

        int[] index = indices.ToArray<int>();
        double[] values = x.Data.ToDoubles();
        double[] upstream = dy.ToDoubles();
        double[] gradient = new double[Rows * Width];
        for (int i = 0; i < Picks * Width; i++)
        {
            gradient[(index[i / Width] * Width) + (i % Width)] += upstream[i];
        }

        TensorAssert.Within(
            [.. Enumerable.Range(0, Picks * Width).Select(i => values[1 + (index[i / Width] * Width) + (i % Width)])],
            y.Data,
            bound: 0);
        TensorAssert.Close(gradient, dx, Tolerance.For(dtype, 10).At(3), "gradient");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Indices_of_32_bits_and_rows_of_several_axes_work(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Leaf([0, 1, 2, 3, 4, 5, 6, 7], [2, 2, 2], DType.F32);

        Tensor y = x.GatherRows(run.Array([1, 0, 1], [3], DType.I32));
        y.Sum().Backward();

        Assert.Equal([3, 2, 2], y.Shape);
        TensorAssert.Within([4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7], y.Data, bound: 0);
        TensorAssert.Within([1, 1, 1, 1, 2, 2, 2, 2], x.Grad, bound: 0);
    }

    // (2²⁴ + 1) + 1 is 2²⁴ in F32 when added in this order, and 2²⁴ + 2 when the ones are added first.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Repeated_indices_add_their_gradients_in_order(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Leaf([0, 0], [2, 1], DType.F32);

        Tensor y = x.GatherRows(run.Array([0, 0, 0, 1, 1, 1], [6], DType.I32));
        y.Backward(run.Array([1 << 24, 1, 1, 1, 1, 1 << 24], [6, 1], DType.F32));

        TensorAssert.Within([1 << 24, (1 << 24) + 2], x.Grad, bound: 0);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray indices = run.Array([2, 0, 2, 2], [4], DType.I64);
        GradCheck.Run(t => t.GatherRows(indices), run.Normal([4, 3], DType.F64, seed: 1));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([3, 4], DType.F32, seed: 1);
        Tensor scalar = run.Normal([], DType.F32, seed: 1);

        Assert.Throws<ArgumentException>(() => x.GatherRows(run.Array([0], [1], DType.F32)));
        Assert.Throws<ArgumentException>(() => x.GatherRows(run.Array([0], [1, 1], DType.I32)));
        Assert.Throws<ArgumentException>(() => scalar.GatherRows(run.Array([0], [1], DType.I32)));
    }

    // Reading the indices back would hold up a device, so it goes on with rows of NaN. Widths for packed and single
    // moves.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Indices_without_a_row_are_refused_or_give_NaN(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        foreach (int width in new[] { 3, 8 })
        {
            Tensor x = run.Leaf([.. Enumerable.Range(0, 3 * width).Select(i => (double)i)], [3, width], dtype);
            NdArray indices = run.Array([1, 3, -1, long.MinValue], [4], DType.I64);
            if (backend == Backends.Cpu)
            {
                ArgumentException error = Assert.Throws<ArgumentException>(() => x.GatherRows(indices));
                Assert.Contains("index 1 is 3", error.Message, StringComparison.Ordinal);
                Assert.Throws<ArgumentException>(() => x.GatherRows(run.Array([-1], [1], DType.I32)));
                continue;
            }

            Tensor y = x.GatherRows(indices);
            y.Backward(run.Array([.. Enumerable.Repeat(1.0, 4 * width)], [4, width], dtype));

            TensorAssert.Within(
                [.. Enumerable.Range(0, 4 * width).Select(i => i < width ? width + i : double.NaN)], y.Data, bound: 0);
            TensorAssert.Within(
                [.. Enumerable.Range(0, 3 * width).Select(i => i / width == 1 ? 1.0 : 0)], x.Grad, bound: 0,
                "gradient");
        }
    }
}
