using System.Numerics;
using System.Runtime.Intrinsics;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    // Elements whose squares one partial sum holds. Part of the result's bits, so it is a constant of its own.
    private const int SumBlock = 16 * 1024;

    /// <summary>Adds the squares of the elements [start, end) of something to four sums.</summary>
    private delegate Vector256<double> SquareAdder(Vector256<double> sums, int start, int end);

    /// <inheritdoc/>
    public NdArray SumsOfSquares(IReadOnlyList<NdArray> arrays)
    {
        NdArray sums = Empty([arrays.Count], DType.F64);
        for (int i = 0; i < arrays.Count; i++)
        {
            sums.Span<double>()[i] = arrays[i].DType == DType.F64
                ? SumOfSquares<double>(arrays[i])
                : SumOfSquares<float>(arrays[i]);
        }

        return sums;
    }

    private double SumOfSquares<T>(NdArray array)
        where T : unmanaged, INumberBase<T> =>
        SumSquares(array.Count, (sums, start, end) =>
        {
            ReadOnlySpan<T> x = array.ReadSpan<T>()[start..end];
            for (int i = 0, n; i < x.Length; i += n)
            {
                n = Lanes.Take(x, i);
                sums = Lanes.AddSquares(sums, Lanes.Load(x, i, n));
            }

            return sums;
        });

    /// <summary>Sums blocks on all threads and their sums in order: the same bits with any number of threads.</summary>
    private double SumSquares(long count, SquareAdder add)
    {
        double[] partial = new double[(count + SumBlock - 1) / SumBlock];
        ForEachChunk(partial.Length, SumBlock, (first, last) =>
        {
            for (long block = first; block < last; block++)
            {
                int start = (int)(block * SumBlock);
                int end = (int)Math.Min(count, start + (long)SumBlock);
                partial[block] = Vector256.Sum(add(Vector256<double>.Zero, start, end));
            }
        });

        double sum = 0;
        foreach (double term in partial)
        {
            sum += term;
        }

        return sum;
    }
}
