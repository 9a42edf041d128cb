using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>
/// What a backend does with arrays outside of operations: filling, adding in place, the search for NaN.
/// </summary>
public sealed class ArrayTests
{
    public static TheoryData<string, DType> TypesToFill
    {
        get
        {
            var data = new TheoryData<string, DType>();
            foreach (string backend in Backends.Names)
            {
                foreach (DType dtype in Enum.GetValues<DType>())
                {
                    data.Add(backend, dtype);
                }
            }

            return data;
        }
    }

    // Zero and other values; a range in the middle, which starts at no multiple of 16 bytes, leaves its neighbours
    // alone.
    [Theory, MemberData(nameof(TypesToFill))]
    public void Fill_sets_all_elements_and_no_others(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        foreach (double value in new[] { 0.0, 3, 0.7, 200 })
        {
            double rounded = dtype.IsFloatingPoint() ? run.Array([value], [1], dtype).Item() : Math.Truncate(value);
            NdArray x = NdArray.Full(run.Backend, [1050], dtype, value);
            Assert.All(x.ToDoubles(), element => Assert.Equal(rounded, element));

            run.Backend.Fill(x, 1);
            run.Backend.Fill(x.Rows(1, 1000), value);
            double[] elements = x.ToDoubles();
            Assert.Equal(1, elements[0]);
            Assert.All(elements[1..1000], element => Assert.Equal(rounded, element));
            Assert.All(elements[1000..], element => Assert.Equal(1, element));
            run.Backend.Fill(x.Rows(5, 5), 9);
        }
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Zeros_keep_their_sign(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        NdArray x = NdArray.Full(run.Backend, [3], dtype, -0.0);
        Assert.All(x.ToDoubles(), value => Assert.True(double.IsNegative(value)));
    }

    // Whole packs and a rest; views, one of which starts at no multiple of 16 bytes; the array itself; nothing.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void AddInPlace_rounds_each_sum_once(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        foreach ((int count, int start) in new[] { (1, 0), (1050, 0), (1050, 1), (16, 3), (0, 0) })
        {
            NdArray sum = run.Normal([count + start], dtype, seed: 1).Data;
            NdArray term = run.Normal([count], dtype, seed: 2).Data;
            double[] before = sum.ToDoubles();
            double[] added = [.. before[start..].Zip(term.ToDoubles(), (s, t) => s + t)];

            run.Backend.AddInPlace(sum.Rows(start, start + count), term);

            TensorAssert.Within(Round([.. before[..start], .. added]), sum, bound: 0);
        }

        NdArray x = run.Normal([20], dtype, seed: 3).Data;
        double[] twice = Array.ConvertAll(x.ToDoubles(), v => 2 * v);
        run.Backend.AddInPlace(x, x);
        TensorAssert.Within(twice, x, bound: 0);

        double[] Round(double[] values) => run.Array(values, [values.Length], dtype).ToDoubles();
    }

    // First, last, in the rest after the last pack, far into a second block, and several of them; in arrays and in
    // views.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void The_first_element_that_is_not_finite_is_found(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        foreach (int start in new[] { 0, 1 })
        {
            NdArray whole = run.Array(new double[5003], [5003], dtype);
            NdArray x = whole.Rows(start, 5003);
            Assert.Equal(-1, run.Backend.IndexOfNonFinite(x));
            int[][] all = [[0], [5003 - start - 1], [4993], [4100, 4099], [7, 6, 5, 4000], [3000, 2]];
            foreach (int[] places in all)
            {
                double[] values = new double[5003];
                foreach (int place in places)
                {
                    values[start + place] = (place % 3) switch
                    {
                        0 => double.NaN,
                        1 => double.PositiveInfinity,
                        _ => double.NegativeInfinity,
                    };
                }

                x = run.Array(values, [5003], dtype).Rows(start, 5003);
                Assert.Equal(places.Min(), run.Backend.IndexOfNonFinite(x));
            }
        }

        Assert.Equal(-1, run.Backend.IndexOfNonFinite(run.Array([], [0], dtype)));
        Assert.Equal(-1, run.Backend.IndexOfNonFinite(run.Array([1], [1], DType.I64)));
        double largest = dtype == DType.F64 ? double.MaxValue : (double)(float)((BFloat16)3.3e38f);
        Assert.Equal(-1, run.Backend.IndexOfNonFinite(run.Array([largest, -largest], [2], dtype)));
    }
}
