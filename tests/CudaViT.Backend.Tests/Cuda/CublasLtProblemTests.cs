using CudaViT.Core;
using CudaViT.Cuda;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>
/// The translation of row-major products into cuBLASLt's terms, checked by computing as cuBLASLt would.
/// </summary>
public sealed class CublasLtProblemTests
{
    /// <summary>Both transpositions; single rows, columns and terms; batches, also with one shared operand.</summary>
    public static TheoryData<bool, bool, int, int, int, int, bool> Cases
    {
        get
        {
            var data = new TheoryData<bool, bool, int, int, int, int, bool>();
            foreach (bool transposeA in (bool[])[false, true])
            {
                foreach (bool transposeB in (bool[])[false, true])
                {
                    data.Add(transposeA, transposeB, 3, 4, 5, 1, false);
                    data.Add(transposeA, transposeB, 1, 7, 2, 1, false);
                    data.Add(transposeA, transposeB, 6, 1, 1, 1, false);
                    data.Add(transposeA, transposeB, 2, 3, 4, 3, false);
                    data.Add(transposeA, transposeB, 2, 3, 4, 3, true);
                }
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_column_major_problem_has_the_row_major_result(
        bool transposeA, bool transposeB, int m, int n, int k, int batch, bool sharesB)
    {
        const double Alpha = 0.5, Beta = -2;
        double[] a = Values.Normal(batch * m * k, seed: 1);
        double[] b = Values.Normal(batch * k * n, seed: 2);
        double[] c = Values.Normal(batch * m * n, seed: 3);
        double[] bias = Values.Normal(n, seed: 4);
        var problem = CublasLtProblem.Of(new GpuMatMul
        {
            DType = DType.F64,
            M = m,
            N = n,
            K = k,
            A = 256,
            B = 512,
            D = 1024,
            C = 1024,
            Bias = 768,
            TransposeA = transposeA,
            TransposeB = transposeB,
            Alpha = Alpha,
            Beta = Beta,
            Batch = batch,
            StrideA = m * k,
            StrideB = sharesB ? 0 : k * n,
            StrideD = m * n,
        });

        double[] d = ColumnMajor(problem, first: b, second: a, c, bias, Alpha, Beta);

        for (int i = 0; i < batch * m * n; i++)
        {
            (int matrix, int row, int column) = (i / (m * n), i / n % m, i % n);
            double sum = 0;
            for (int t = 0; t < k; t++)
            {
                double left = a[(matrix * m * k) + (transposeA ? (t * m) + row : (row * k) + t)];
                double right = b[(sharesB ? 0 : matrix * k * n) + (transposeB ? (column * k) + t : (t * n) + column)];
                sum += left * right;
            }

            Assert.Equal((Alpha * sum) + (Beta * c[i]) + bias[column], d[i], 1e-12);
        }
    }

    [Fact]
    public void Leading_dimensions_are_the_rows_that_stand_in_memory()
    {
        var problem = CublasLtProblem.Of(Product() with { TransposeB = true });

        Assert.Equal(new CublasLtMatrix(5, 4, 5, 0, CublasOperation.Transpose), problem.First); // B stands [4, 5]
        Assert.Equal(new CublasLtMatrix(5, 3, 5, 0, CublasOperation.None), problem.Second); // A stands [3, 5]
        Assert.Equal(new CublasLtMatrix(4, 3, 4, 0, CublasOperation.None), problem.Result); // D stands [3, 4]
    }

    [Fact]
    public void Products_that_need_the_same_algorithm_are_one_problem()
    {
        GpuMatMul product = Product();

        Assert.Equal(CublasLtProblem.Of(product), CublasLtProblem.Of(product with { A = 8192, B = 4096, Alpha = 3 }));
        Assert.Equal(CublasLtProblem.Of(product), CublasLtProblem.Of(product with { C = 4 })); // C is not read
        Assert.NotEqual(CublasLtProblem.Of(product), CublasLtProblem.Of(product with { A = 8192 + 16 })); // alignment
        Assert.NotEqual(CublasLtProblem.Of(product), CublasLtProblem.Of(product with { Bias = 256 }));
        Assert.NotEqual(CublasLtProblem.Of(product), CublasLtProblem.Of(product with { Beta = 1, C = 1024 }));
        Assert.NotEqual( // in place, and not
            CublasLtProblem.Of(product with { Beta = 1, C = 1024 }),
            CublasLtProblem.Of(product with { Beta = 1, C = 768 }));
    }

    [Theory]
    [InlineData(256 * 7, 256)]
    [InlineData(48, 16)]
    [InlineData(6, 2)]
    [InlineData(1, 1)]
    public void Alignment_is_read_off_the_address(int address, int alignment)
    {
        var problem = CublasLtProblem.Of(Product() with { A = address, B = address, D = address, Bias = address });

        Assert.Equal(alignment, problem.AlignmentFirst);
        Assert.Equal(alignment, problem.AlignmentSecond);
        Assert.Equal(alignment, problem.AlignmentResult);
        Assert.Equal(alignment, problem.AlignmentC);
        Assert.Equal(alignment, problem.AlignmentBias);
    }

    [Fact]
    public void Asking_for_a_known_problem_allocates_nothing()
    {
        GpuMatMul product = Product();
        var known = new Dictionary<CublasLtProblem, string> { [CublasLtProblem.Of(product)] = "here" };
        _ = known.TryGetValue(CublasLtProblem.Of(product), out _);
        long before = GC.GetAllocatedBytesForCurrentThread();

        bool isKnown = known.TryGetValue(CublasLtProblem.Of(product), out _);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(isKnown);
    }

    private static GpuMatMul Product() =>
        new() { DType = DType.F32, M = 3, N = 4, K = 5, A = 256, B = 512, D = 1024 };

    /// <summary>
    /// cuBLASLt's own definition: D = α·op(A)·op(B) + β·C + bias, matrices by columns, the bias along the rows.
    /// </summary>
    private static double[] ColumnMajor(
        in CublasLtProblem problem, double[] first, double[] second, double[] c, double[] bias,
        double alpha, double beta)
    {
        (long rows, long columns) = (problem.Result.Rows, problem.Result.Columns);
        long depth = problem.First.Operation == CublasOperation.None ? problem.First.Columns : problem.First.Rows;
        double[] d = new double[c.Length];
        for (long matrix = 0; matrix < problem.Batch; matrix++)
        {
            for (long j = 0; j < columns; j++)
            {
                for (long i = 0; i < rows; i++)
                {
                    double sum = 0;
                    for (long t = 0; t < depth; t++)
                    {
                        sum += At(problem.First, first, matrix, i, t) * At(problem.Second, second, matrix, t, j);
                    }

                    long at = (matrix * problem.Result.BatchStride) + (j * problem.Result.LeadingDimension) + i;
                    d[at] = (alpha * sum) + (beta * c[at]) + (problem.HasBias ? bias[i] : 0);
                }
            }
        }

        return d;
    }

    private static double At(in CublasLtMatrix matrix, double[] values, long batch, long row, long column)
    {
        (long i, long j) = matrix.Operation == CublasOperation.None ? (row, column) : (column, row);
        Assert.InRange(i, 0, matrix.Rows - 1);
        Assert.InRange(j, 0, matrix.Columns - 1);
        return values[(batch * matrix.BatchStride) + (j * matrix.LeadingDimension) + i];
    }
}
