using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class SumToTests
{
    // Nothing to do; dimensions of 1 only; all; rows; columns; the middle; kept and reduced axes in turns, either way
    // round; more rows, columns and length than one task adds up; the same with columns of whole packs, few and many;
    // long rows that are no whole packs; long columns in the middle; empty sums and empty results.
    public static TheoryData<string, DType, int[], int[]> Cases => Backends.Cross<int[], int[]>(
        ([3, 5], [3, 5]),
        ([1, 3], [3]),
        ([4, 6], []),
        ([4, 6], [4, 1]),
        ([4, 6], [6]),
        ([3, 4, 5], [3, 1, 5]),
        ([2, 3, 4, 5], [3, 1, 5]),
        ([2, 3, 1, 4, 5], [2, 1, 1, 4, 1]),
        ([700, 3], [1, 3]),
        ([300, 1100], [1100]),
        ([40_000], [1]),
        ([2, 17_000], [2, 1]),
        ([600, 264], [264]),
        ([1100, 24], [24]),
        ([3, 2101], [3, 1]),
        ([2, 600, 33], [2, 1, 33]),
        ([0, 3], [3]),
        ([3, 0], [1, 0]));

    [Theory, MemberData(nameof(Cases))]
    public void Sums_and_stretches_agree_with_the_double_reference(
        string backend, DType dtype, int[] large, int[] small)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal(Shape.Create(large), dtype, seed: 1);
        Tensor upstream = run.Normal(Shape.Create(small), dtype, seed: 2);

        Tensor sum = x.SumTo(upstream.Shape);
        sum.Backward(upstream.Data);
        Tensor stretched = upstream.BroadcastTo(x.Shape);
        stretched.Backward(x.Data);

        double terms = (double)x.Data.Count / Math.Max(1, upstream.Data.Count);
        Tolerance tolerance = Tolerance.For(dtype, (long)terms).At(Math.Sqrt(terms));
        double[] expectedSum = Reference.SumTo(x.Data.ToDoubles(), large, small);
        TensorAssert.Close(expectedSum, sum, tolerance, "sum");
        TensorAssert.Close(expectedSum, upstream.Grad, tolerance, "gradient of the stretched");

        int[] indices = [.. Enumerable.Range(0, (int)x.Data.Count).Select(i => Reference.Project(i, large, small))];
        double[] expected = Array.ConvertAll(indices, i => upstream.Data.ToDoubles()[i]);
        TensorAssert.Within(expected, stretched.Data, bound: 0, "stretched");
        TensorAssert.Within(expected, x.Grad, bound: 0, "gradient of the sum");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Both_pass_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        GradCheck.Run(t => t.SumTo([3, 1]), run.Normal([2, 3, 4], DType.F64, seed: 1));
        GradCheck.Run(t => t.BroadcastTo([2, 3, 4]), run.Normal([3, 1], DType.F64, seed: 1));
    }

    // Views that start at no multiple of 16 bytes cannot be read in packs: rows, columns, and stretched again.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Views_may_start_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        NdArray x = run.Normal([1 + (12 * 16)], dtype, seed: 1).Data.Rows(1, 1 + (12 * 16)).Reshape(12, 16);
        foreach (int[] shape in new int[][] { [12, 1], [16], [] })
        {
            NdArray sum = run.Backend.SumTo(x, Shape.Create(shape), factor: 0.5);
            double terms = (double)x.Count / sum.Count;
            double[] expected = Array.ConvertAll(Reference.SumTo(x.ToDoubles(), [12, 16], shape), v => 0.5 * v);
            TensorAssert.Close(expected, sum, Tolerance.For(dtype, (long)terms).At(Math.Sqrt(terms)));
        }

        double[] repeated = [.. Enumerable.Repeat(x.ToDoubles(), 2).SelectMany(v => v)];
        TensorAssert.Within(repeated, run.Backend.BroadcastTo(x, [2, 12, 16]), bound: 0);
    }

    // The factor is applied before the only rounding: 3 times the sum 1 + 2^-7 is no bfloat16, but 1/3 of 3 (1 + 2^-7)
    // is.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void The_factor_comes_before_rounding(string backend)
    {
        using TestRun run = Backends.Open(backend);
        double next = 1 + Math.ScaleB(1, -7);
        NdArray x = run.Array([next, next, next], [3], DType.BF16);

        TensorAssert.Within([next], run.Backend.SumTo(x, [1], factor: 1.0 / 3), bound: 0);
    }

    [Theory]
    [InlineData(DType.F32)]
    [InlineData(DType.F64)]
    public void The_bits_of_sums_do_not_depend_on_the_number_of_threads(DType dtype)
    {
        double[] values = Values.Normal(1000 * 1100, seed: 1);
        using var alone = new CpuBackend(threads: 1);
        using var three = new CpuBackend(threads: 3);
        foreach (int[] shape in new int[][] { [], [1100], [1000, 1] })
        {
            using var scope = new StepScope();
            NdArray[] sums = Array.ConvertAll([alone, three], SumOn);
            TensorAssert.SameBits(sums[0], sums[1]);

            NdArray SumOn(CpuBackend cpu) =>
                cpu.SumTo(NdArray.FromDoubles(cpu, values, [1000, 1100], dtype), Shape.Create(shape));
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3], DType.F32, seed: 1);

        ArgumentException error = Assert.Throws<ArgumentException>(() => x.SumTo([5, 2, 3]));
        Assert.Contains("[5, 2, 3]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => x.SumTo([2]));
        Assert.Throws<ArgumentException>(() => x.BroadcastTo([3]));
    }
}
