using System.Numerics;
using CudaViT.Cpu;

namespace CudaViT.Backend.Tests.Compute;

public sealed class GemmTests
{
    // (M, N, K). Nothing at all; one of each; around the blocks of registers (6 x 16 and 8 x 32 floats, half as wide in
    // doubles); K at and just past one block of depth; sizes past a tile (48 x 128); prime sizes; thin ones both ways;
    // an attention head; one that takes two super-blocks of columns.
    private static readonly (int M, int N, int K)[] Sizes =
    [
        (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (5, 15, 7), (6, 16, 8), (7, 17, 9), (8, 32, 16), (9, 33, 1),
        (13, 29, 384), (13, 29, 385), (50, 50, 64), (97, 131, 401), (1, 300, 900), (300, 1, 900), (2, 2100, 70),
        (103, 2050, 3),
    ];

    public static TheoryData<int, int, int, bool, bool, bool> Layouts
    {
        get
        {
            var data = new TheoryData<int, int, int, bool, bool, bool>();
            foreach ((int m, int n, int k) in Sizes)
            {
                for (int bits = 0; bits < 8; bits++)
                {
                    data.Add(m, n, k, (bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0);
                }
            }

            return data;
        }
    }

    public static TheoryData<int, int, int> AllSizes
    {
        get
        {
            var data = new TheoryData<int, int, int>();
            foreach ((int m, int n, int k) in Sizes)
            {
                data.Add(m, n, k);
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Layouts))]
    public void Products_agree_with_plain_loops(int m, int n, int k, bool transposeA, bool transposeB, bool accumulate)
    {
        using var team = new WorkerTeam(2);
        var problem = new Problem(new GemmShape(m, n, k), transposeA, transposeB, accumulate, Alpha: -1.25);
        AssertClose<float>(problem, problem.Run<float>(team));
        AssertClose<double>(problem, problem.Run<double>(team));
    }

    [Theory, MemberData(nameof(AllSizes))]
    public void Bits_do_not_depend_on_threads_or_vector_width(int m, int n, int k)
    {
        var problem = new Problem(new GemmShape(m, n, k), TransposeB: true, Accumulate: true, Alpha: 0.3);
        using var one = new WorkerTeam(1);
        using var two = new WorkerTeam(2);
        using var five = new WorkerTeam(5); // more than this machine may have cores
        AssertSameBits<float>();
        AssertSameBits<double>();

        void AssertSameBits<T>()
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            T[] expected = problem.Run<T>(one);
            Assert.Equal(expected, problem.Run<T>(two));
            Assert.Equal(expected, problem.Run<T>(five));
            Assert.Equal(expected, problem.Run<T, MicroKernel256<T>>(five));
            Assert.Equal(expected, problem.Run<T, MicroKernel512<T>>(two));
        }
    }

    [Fact]
    public void A_row_has_the_same_bits_however_many_rows_and_columns_go_with_it()
    {
        using var team = new WorkerTeam(2);
        float[] a = Values<float>(120 * 500, seed: 1);
        float[] b = Values<float>(500 * 70, seed: 2);
        float[] full = new float[120 * 70];
        Gemm.Multiply(team, new GemmShape(120, 70, 500), new(a, 500, 1), new(b, 70, 1), new(full, 70), 0.7f);

        // Large and cut into tiles above; one small product here, at another place within the blocks.
        float[] part = new float[2 * 9];
        Gemm.Multiply(
            team, new GemmShape(2, 9, 500), new(a.AsMemory(100 * 500), 500, 1), new(b.AsMemory(5), 70, 1), new(part, 9),
            0.7f);
        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(full.AsSpan(((100 + i) * 70) + 5, 9).ToArray(), part.AsSpan(i * 9, 9).ToArray());
        }
    }

    [Theory]
    [InlineData(3, 2, 50, 50, 32)] // one task an item, several items a task
    [InlineData(5, 7, 33, 65, 130)] // many items
    [InlineData(2, 3, 120, 100, 90)] // few large items: cut into tiles, one after another
    public void Batches_of_strided_heads_agree_with_plain_loops(int outer, int inner, int m, int n, int k)
    {
        using var team = new WorkerTeam(2);
        var shape = new GemmShape(m, n, k, outer, inner);

        // As attention lays its operands out: heads side by side within rows, and C with unused columns between.
        int aRow = inner * k;
        int cRow = (inner * n) + 3;
        double[] a = Values<double>(outer * m * aRow, seed: 1);
        double[] b = Values<double>(outer * n * aRow, seed: 2);
        double[] c = Values<double>(outer * m * cRow, seed: 3);
        double[] expected = [.. c];
        for (int o = 0; o < outer; o++)
        {
            for (int h = 0; h < inner; h++)
            {
                for (int i = 0; i < m; i++)
                {
                    for (int j = 0; j < n; j++)
                    {
                        double sum = 0;
                        for (int p = 0; p < k; p++)
                        {
                            sum += a[(((o * m) + i) * aRow) + (h * k) + p] * b[(((o * n) + j) * aRow) + (h * k) + p];
                        }

                        expected[(((o * m) + i) * cRow) + (h * n) + j] = 0.125 * sum;
                    }
                }
            }
        }

        Gemm.Multiply(
            team, shape, new(a, aRow, 1, m * aRow, k), new(b, 1, aRow, n * aRow, k), new(c, cRow, m * cRow, n), 0.125);
        for (int i = 0; i < c.Length; i++)
        {
            Assert.True(Math.Abs(c[i] - expected[i]) <= 1e-13 * k, $"element {i}: {c[i]}, expected {expected[i]}");
        }
    }

    [Fact]
    public void Operands_with_stride_zero_repeat()
    {
        using var team = new WorkerTeam(2);
        float[] a = [1, 2, 3];
        float[] b = [10];
        float[] c = new float[2 * 2 * 4];

        // A has one row for all, B one element for all.
        Gemm.Multiply(team, new GemmShape(2, 4, 3, Outer: 2), new(a, 0, 1), new(b, 0, 0), new(c, 4, 8), 1f);
        Assert.All(c, x => Assert.Equal(60f, x));
    }

    [Theory]
    [InlineData(4, 40, 8)] // one task
    [InlineData(120, 300, 800)] // tiles, several blocks of depth
    public void The_epilogue_sees_every_finished_element_once(int m, int n, int k)
    {
        using var team = new WorkerTeam(3);
        var shape = new GemmShape(m, n, k, Outer: 2);
        double[] a = Values<double>(2 * m * k, seed: 1);
        double[] b = Values<double>(k * n, seed: 2);
        double[] plain = new double[2 * m * n];
        double[] finished = new double[2 * m * n];
        double[] seen = new double[2 * m * n];
        Gemm.Multiply(team, shape, new(a, k, 1, m * k), new(b, n, 1), new(plain, n, m * n), 1.0);
        Gemm.Multiply(
            team, shape, new(a, k, 1, m * k), new(b, n, 1), new(finished, n, m * n), 1.0, false,
            new NegateAndCount(seen, m, n));
        Assert.Equal(plain, seen);
        Assert.Equal(plain.Select(x => -x), finished);
    }

    [Fact]
    public void NaN_and_infinity_go_through_as_in_plain_loops()
    {
        using var team = new WorkerTeam(1);
        float[] a = [0, 0, 1, 1];
        float[] b = [float.NaN, float.PositiveInfinity, 1, 1];
        float[] c = new float[4];
        Gemm.Multiply(team, new GemmShape(2, 2, 2), new(a, 2, 1), new(b, 2, 1), new(c, 2), 1f);
        Assert.Equal([float.NaN, float.NaN, float.NaN, float.PositiveInfinity], c); // 0 * NaN and 0 * infinity are NaN
    }

    [Theory]
    [InlineData(false, 0f)]
    [InlineData(true, 7f)]
    public void Without_terms_C_becomes_zero_or_stays(bool accumulate, float expected)
    {
        using var team = new WorkerTeam(1);
        float[] c = [.. Enumerable.Repeat(7f, 20 * 40)];
        Gemm.Multiply(
            team, new GemmShape(20, 40, 0), new(default, 0, 1), new(default, 40, 1), new(c, 40), 1f, accumulate);
        Assert.All(c, x => Assert.Equal(expected, x));
    }

    [Fact]
    public void Operands_that_reach_past_their_memory_are_refused()
    {
        using var team = new WorkerTeam(1);
        float[] ten = new float[10];
        var shape = new GemmShape(2, 5, 5);
        ArgumentException e = Assert.Throws<ArgumentException>(() =>
            Gemm.Multiply(team, shape, new(ten, 5, 1), new(ten, 5, 1), new(ten, 5), 1f));
        Assert.Contains("B [5, 5] needs 25 elements", e.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() =>
            Gemm.Multiply(team, shape, new(ten, -5, 1), new(ten, 1, 1), new(ten, 5), 1f));
    }

    private static T[] Values<T>(int count, int seed)
        where T : IFloatingPointIeee754<T>
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => T.CreateChecked((float)((random.NextDouble() * 2) - 1)))];
    }

    private static void AssertClose<T>(Problem problem, T[] actual)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Terms are at most 1 in size, so running sums of random signs stay near sqrt(K) / 3, and each of K roundings
        // is at most u times that, of either sign. A single missing term would be off by about 0.1.
        double u = typeof(T) == typeof(float) ? Math.Pow(2, -24) : Math.Pow(2, -53);
        double bound = 4 * u * (problem.Shape.K + 2);
        double[] expected = problem.Expected();
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(double.CreateChecked(actual[i]) - expected[i]);
            Assert.True(
                error <= bound, $"{typeof(T).Name} {problem}, element {i}: {actual[i]}, expected {expected[i]}");
        }
    }

    /// <summary>One product with some slack around every operand.</summary>
    private sealed record Problem(
        GemmShape Shape, bool TransposeA = false, bool TransposeB = false, bool Accumulate = false, double Alpha = 1)
    {
        // Three elements before each operand and two unused ones in each row, so that nothing happens to be aligned.
        private const int Before = 3;
        private const int Between = 2;

        private int M => Shape.M;

        private int N => Shape.N;

        private int K => Shape.K;

        private int ARow => (TransposeA ? M : K) + Between;

        private int BRow => (TransposeB ? K : N) + Between;

        private int CRow => N + Between;

        private int ASize => Before + (ARow * (TransposeA ? K : M));

        private int BSize => Before + (BRow * (TransposeB ? N : K));

        private int CSize => Before + (CRow * M);

        public T[] Run<T>(WorkerTeam team)
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            T[] c = Values<T>(CSize, seed: 3);
            Gemm.Multiply(
                team, Shape, A<T>(), B<T>(), new(c.AsMemory(Before), CRow), T.CreateChecked(Alpha), Accumulate);
            return c;
        }

        public T[] Run<T, TKernel>(WorkerTeam team)
            where T : unmanaged, IFloatingPointIeee754<T>
            where TKernel : struct, IMicroKernel<T>
        {
            T[] c = Values<T>(CSize, seed: 3);
            GemmEngine<T, TKernel, Nothing<T>>.Run(
                team,
                new(Shape, A<T>(), B<T>(), new(c.AsMemory(Before), CRow), T.CreateChecked(Alpha), Accumulate, default));
            return c;
        }

        /// <summary>All of C's memory, in which the slack must keep its values.</summary>
        public double[] Expected()
        {
            double[] a = Values<double>(ASize, seed: 1);
            double[] b = Values<double>(BSize, seed: 2);
            double[] c = Values<double>(CSize, seed: 3);
            for (int i = 0; i < M; i++)
            {
                for (int j = 0; j < N; j++)
                {
                    double sum = 0;
                    for (int p = 0; p < K; p++)
                    {
                        sum += a[Before + (TransposeA ? (p * ARow) + i : (i * ARow) + p)]
                            * b[Before + (TransposeB ? (j * BRow) + p : (p * BRow) + j)];
                    }

                    ref double element = ref c[Before + (i * CRow) + j];
                    element = (Alpha * sum) + (Accumulate ? element : 0);
                }
            }

            return c;
        }

        private MatrixView<T> A<T>()
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            var view = new MatrixView<T>(Values<T>(ASize, seed: 1).AsMemory(Before), ARow, 1);
            return TransposeA ? view.Transposed : view;
        }

        private MatrixView<T> B<T>()
            where T : unmanaged, IFloatingPointIeee754<T>
        {
            var view = new MatrixView<T>(Values<T>(BSize, seed: 2).AsMemory(Before), BRow, 1);
            return TransposeB ? view.Transposed : view;
        }
    }

    private readonly struct Nothing<T> : IGemmEpilogue<T>
    {
        public void Apply(long item, int row, int column, Span<T> segment)
        {
        }
    }

    private readonly struct NegateAndCount(double[] seen, int rows, int columns) : IGemmEpilogue<double>
    {
        public void Apply(long item, int row, int column, Span<double> segment)
        {
            for (int j = 0; j < segment.Length; j++)
            {
                seen[(((item * rows) + row) * columns) + column + j] += segment[j];
                segment[j] = -segment[j];
            }
        }
    }
}
