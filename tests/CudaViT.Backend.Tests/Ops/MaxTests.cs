using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class MaxTests : ReductionTests
{
    // Long enough for several pieces, whose results are compared again: of rows, of few columns and of many.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Among_many_equal_ones_the_first_is_taken(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        foreach ((int rows, int columns) in new[] { (40_000, 1), (9000, 3), (1100, 33) })
        {
            double[] values = new double[rows * columns];
            int[] first = [.. Enumerable.Range(0, columns).Select(column => (rows / 2) + (column * 7))];
            for (int i = 0; i < values.Length; i++)
            {
                values[i] =
                    i / columns >= first[i % columns] && (i / columns % 3 == first[i % columns] % 3) ? 5 : i % 4;
            }

            (NdArray y, NdArray at) = run.Backend.Max(run.Array(values, [rows, columns], dtype), [1, columns]);

            Assert.All(y.ToDoubles(), value => Assert.Equal(5, value));
            Assert.Equal(first.Select((row, column) => ((long)row * columns) + column), at.ToArray<long>());
        }
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void The_gradient_of_equal_elements_goes_to_the_first_in_row_major_order(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Leaf([1, 5, 5, 0, 5, 5, 5, 2], [2, 2, 2], dtype);

        x.Max([0, 2]).Backward(run.Array([10, 20], [2], dtype)); // over two axes that are not neighbours

        TensorAssert.Within([0, 10, 20, 0, 0, 0, 0, 0], x.Grad, bound: 0);
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void NaN_counts_as_the_largest_and_minus_infinity_as_a_number(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        double[] values = [1, double.NaN, 3, double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity];
        Tensor x = run.Leaf(values, [2, 3], dtype);
        TensorAssert.Within([double.NaN, double.NegativeInfinity], x.Max([1]).Data, bound: 0);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Nothing_has_no_maximum(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([0, 3], DType.F32, seed: 1);
        Assert.Throws<ArgumentException>(() => x.Max([0]));
    }

    protected override Tensor Apply(Tensor x, int[]? axes, bool keepDims) => x.Max(axes, keepDims);

    protected override double Function(double[] terms) => terms.Max();

    protected override double[] Derivatives(double[] terms)
    {
        double[] derivatives = new double[terms.Length];
        derivatives[Array.IndexOf(terms, terms.Max())] = 1;
        return derivatives;
    }
}
