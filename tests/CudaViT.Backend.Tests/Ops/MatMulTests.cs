using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class MatMulTests
{
    // (batch, M, N, K), a batch of 0 standing for plain matrices: single elements; all sides odd; past a block in
    // depth; many small items; sums of no terms; no rows; several tiles, all rows of whole 16-byte packs, once as a
    // batch, for tensor cores and too small for them; several tiles with no pack aligned.
    private static readonly (int Batch, int M, int N, int K)[] Sizes =
    [
        (0, 1, 1, 1), (0, 7, 19, 5), (0, 33, 17, 400), (3, 5, 9, 7), (20, 6, 16, 3), (2, 3, 4, 0), (2, 0, 4, 3),
        (0, 136, 72, 80), (2, 64, 136, 72), (2, 16, 72, 8), (0, 65, 131, 37),
    ];

    public static TheoryData<string, DType, int, bool, bool> Cases
    {
        get
        {
            var data = new TheoryData<string, DType, int, bool, bool>();
            foreach ((string backend, DType dtype) in
                Backends.Names.SelectMany(_ => Backends.FloatTypes, (name, type) => (name, type)))
            {
                for (int size = 0; size < Sizes.Length; size++)
                {
                    data.Add(backend, dtype, size, false, false);
                    data.Add(backend, dtype, size, false, true);
                    data.Add(backend, dtype, size, true, false);
                    data.Add(backend, dtype, size, true, true);
                }
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Products_and_gradients_agree_with_the_double_reference(
        string backend, DType dtype, int size, bool transposeA, bool transposeB)
    {
        using TestRun run = Backends.Open(backend);
        (int batch, int m, int n, int k) = Sizes[size];
        Tensor a = run.Normal(Dimensions(batch, transposeA ? (k, m) : (m, k)), dtype, seed: 1);
        Tensor b = run.Normal(Dimensions(batch, transposeB ? (n, k) : (k, n)), dtype, seed: 2);
        NdArray dy = run.Normal(Dimensions(batch, (m, n)), dtype, seed: 3).Data;

        Tensor y = MatMul.Apply(a, b, transposeA, transposeB);
        y.Backward(dy);

        (double[] av, double[] bv, double[] dyv) = (a.Data.ToDoubles(), b.Data.ToDoubles(), dy.ToDoubles());
        int items = Math.Max(1, batch);
        Assert.Equal(dy.Shape, y.Shape);
        TensorAssert.Close(
            Reference.MatMul(av, bv, items, m, n, k, transposeA, transposeB), y,
            Tolerance.For(dtype, reduced: k).At(Math.Sqrt(k)));
        TensorAssert.Close(
            transposeA
                ? Reference.MatMul(bv, dyv, items, k, m, n, transposeB, true)
                : Reference.MatMul(dyv, bv, items, m, k, n, false, !transposeB),
            a.Grad, Tolerance.For(dtype, reduced: n).At(Math.Sqrt(n)), "da");
        TensorAssert.Close(
            transposeB
                ? Reference.MatMul(dyv, av, items, n, k, m, true, transposeA)
                : Reference.MatMul(av, dyv, items, k, n, m, !transposeA, false),
            b.Grad, Tolerance.For(dtype, reduced: m).At(Math.Sqrt(m)), "db");
    }

    // A view may start between two packs of 16 bytes although its rows are whole packs.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Views_that_start_anywhere_can_be_multiplied(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        NdArray a = run.Normal([1 + (24 * 16)], dtype, seed: 1).Data.Rows(1, 1 + (24 * 16)).Reshape(24, 16);
        NdArray b = run.Normal([16, 8], dtype, seed: 2).Data;

        NdArray y = run.Backend.MatMul(a, b, transposeA: false, transposeB: false);

        TensorAssert.Close(
            Reference.MatMul(a.ToDoubles(), b.ToDoubles(), 1, 24, 8, 16, false, false), y,
            Tolerance.For(dtype, reduced: 16).At(4));
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void One_matrix_multiplies_a_whole_batch(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor a = run.Normal([2, 3, 5, 4], dtype, seed: 1);
        Tensor b = run.Normal([7, 4], dtype, seed: 2);
        NdArray dy = run.Normal([2, 3, 5, 7], dtype, seed: 3).Data;

        Tensor y = MatMul.Apply(a, b, transposeB: true);
        y.Backward(dy);

        (double[] av, double[] bv, double[] dyv) = (a.Data.ToDoubles(), b.Data.ToDoubles(), dy.ToDoubles());
        Assert.Equal([2, 3, 5, 7], y.Shape);
        TensorAssert.Close(
            Reference.MatMul(av, bv, 6, 5, 7, 4, false, true, oneB: true), y, Tolerance.For(dtype, reduced: 4).At(2));
        TensorAssert.Close(
            Reference.MatMul(dyv, bv, 6, 5, 4, 7, false, false, oneB: true), a.Grad,
            Tolerance.For(dtype, reduced: 7).At(3), "da");
        TensorAssert.Close(
            Reference.MatMul(dyv, av, 1, 7, 4, 30, true, false), b.Grad, Tolerance.For(dtype, reduced: 30).At(6), "db");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor a = run.Normal([2, 3, 5], DType.F64, seed: 4);
        Tensor b = run.Normal([2, 5, 4], DType.F64, seed: 5);
        GradCheck.Run(t => MatMul.Apply(t[0], t[1]), a, b);
        GradCheck.Run(t => MatMul.Apply(t[1], t[0], transposeA: true, transposeB: true), a, b);
        GradCheck.Run(t => MatMul.Apply(t[0], t[1]), a, run.Normal([5, 4], DType.F64, seed: 6));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor a = run.Normal([2, 3, 4], DType.F32, seed: 1);

        Assert.Contains(
            "3 rows",
            Assert.Throws<ArgumentException>(() => MatMul.Apply(a, a)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => MatMul.Apply(a, run.Normal([4], DType.F32, seed: 1)));
        Assert.Throws<ArgumentException>(() => MatMul.Apply(a, run.Normal([3, 4, 3], DType.F32, seed: 1)));
        Assert.Throws<ArgumentException>(() => MatMul.Apply(a, run.Normal([2, 4, 3], DType.F64, seed: 1)));
        Assert.Throws<ArgumentException>(
            () => MatMul.Apply(a, run.Normal([3, 3], DType.F32, seed: 1), transposeA: true));
    }

    private static Shape Dimensions(int batch, (int Rows, int Columns) matrix) =>
        batch == 0 ? [matrix.Rows, matrix.Columns] : [batch, matrix.Rows, matrix.Columns];
}
