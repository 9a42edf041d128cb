using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    // What one task adds up: long rows in pieces of SumLength, columns in tiles of SumRows by SumColumns, whose running
    // sums stay in the first-level cache. A further round adds the sums of pieces: the order depends on shapes alone.
    private const int SumLength = 16 * 1024;
    private const int SumRows = 128;
    private const int SumColumns = 1024;

    /// <inheritdoc/>
    public NdArray SumTo(NdArray x, Shape shape, double factor = 1)
    {
        if (x.DType == DType.BF16)
        {
            return Narrow(SumTo(Widen(x), shape, factor));
        }

        if (x.Count == 0)
        {
            return NdArray.Full(this, shape, x.DType, 0 * factor); // 0 / 0 elements: the mean of nothing is NaN
        }

        NdArray y = x;
        foreach (ReductionPass pass in ReductionPass.Plan(x.Shape, shape))
        {
            NdArray next = x.DType == DType.F64 ? Sum<double>(y, pass) : Sum<float>(y, pass);
            ReleaseUnless(y, x);
            y = next;
        }

        NdArray result = y == x || factor != 1 ? Scale(y, factor) : y;
        if (result != y)
        {
            ReleaseUnless(y, x);
        }

        return result.Reshape(shape);
    }

    private static void ReleaseUnless(NdArray array, NdArray kept)
    {
        if (array != kept)
        {
            array.Storage.Release();
        }
    }

    private NdArray Sum<T>(NdArray x, ReductionPass pass)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int outer, int reduced, int inner) = pass;
        int piece = inner == 1 ? SumLength : SumRows;
        int pieces = (reduced + piece - 1) / piece;
        int strips = (inner + SumColumns - 1) / SumColumns;
        NdArray sums = Empty([outer, pieces, inner], x.DType);
        long work = Math.Min(reduced, piece) * Math.Min(inner, SumColumns);
        ForEachChunk((long)outer * pieces * strips, work, (start, end) =>
        {
            for (long task = start; task < end; task++)
            {
                (long block, long strip) = Math.DivRem(task, strips);
                (long batch, long part) = Math.DivRem(block, pieces);
                int first = (int)part * piece;
                int rows = Math.Min(piece, reduced - first);
                int column = (int)strip * SumColumns;
                int at = (int)(((batch * reduced) + first) * inner);
                ReadOnlySpan<T> source = x.ReadSpan<T>().Slice(at, rows * inner);
                Span<T> sum = sums.Span<T>().Slice((int)(block * inner) + column, Math.Min(SumColumns, inner - column));
                SumTile(source, inner, column, sum);
            }
        });
        if (pieces == 1)
        {
            return sums;
        }

        NdArray total = Sum<T>(sums, new ReductionPass(outer, pieces, inner));
        sums.Storage.Release();
        return total;
    }

    private static void SumTile<T>(ReadOnlySpan<T> rows, int stride, int column, Span<T> sum)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (stride == 1)
        {
            sum[0] = TensorPrimitives.Sum(rows);
            return;
        }

        rows.Slice(column, sum.Length).CopyTo(sum);
        for (int at = stride + column; at < rows.Length; at += stride)
        {
            TensorPrimitives.Add(sum, rows.Slice(at, sum.Length), sum);
        }
    }
}
