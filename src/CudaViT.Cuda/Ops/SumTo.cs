using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    // Longest row that one warp sums, and longest piece of a row that one block does: 64 elements to a thread.
    private const int WarpRowLength = 64 * WarpSize;
    private const int BlockRowLength = 64 * BlockSize;

    /// <inheritdoc/>
    public NdArray SumTo(NdArray x, Shape shape, double factor = 1)
    {
        using ProfilerRange range = Range();
        if (x.Count == 0)
        {
            return NdArray.Full(this, shape, x.DType, 0 * factor); // 0 / 0 elements: the mean of nothing is NaN
        }

        int axis = 1;
        ReductionPass? pass = ReductionPass.Next(x.Shape, shape, null, ref axis);
        if (pass is null)
        {
            return Scale(x, factor).Reshape(shape);
        }

        NdArray y = Empty(shape, x.DType);
        NdArray? sums = null; // of earlier launches
        while (pass is { } current)
        {
            pass = ReductionPass.Next(x.Shape, shape, current, ref axis);
            sums = SumPass(x, sums, current, pass is null ? y : null, factor);
        }

        return y;
    }

    /// <summary>Runs one pass, in as many launches as its pieces need.</summary>
    /// <param name="x">What is summed, unless <paramref name="from"/> is given.</param>
    /// <param name="from">Sums of the pass before; given back.</param>
    /// <param name="pass">The pass.</param>
    /// <param name="y">Result of the last pass; null before it.</param>
    /// <param name="factor">Of the result.</param>
    /// <returns>The sums for the next pass; null after the last one.</returns>
    private NdArray? SumPass(NdArray x, NdArray? from, ReductionPass pass, NdArray? y, double factor)
    {
        while (true)
        {
            bool isFirst = from is null;
            bool isRows = isFirst && pass.Inner == 1;
            bool isPacked = isFirst
                && (isRows && pass.Outer == 1 ? IsAligned(x) : IsPacked(isRows ? pass.Reduced : pass.Inner, x));
            int width = isPacked ? PackWidth(x.DType) : 1;
            Dim3 block = !isRows ? pass.ColumnBlock(width)
                : pass.Reduced <= WarpRowLength ? (WarpSize, BlockSize / WarpSize)
                : (BlockSize, 1);
            long length = !isRows ? ReductionPass.ColumnPiece(block) : BlockRowLength;
            long pieces = pass.Pieces(length);
            bool isLast = y is not null && pieces == 1;
            NdArray? to = isLast ? null : Scratch(pass.Outer * pieces * pass.Inner, x.DType.Accumulator());
            if (isRows)
            {
                Launch(
                    isPacked ? "sum_rows" : "sum_rows_scalar", x.DType, BlocksFor(pass.Outer * pieces, block.Y), block,
                    new() { isLast ? y : null, to, x, factor, pass.Outer, pass.Reduced, length });
            }
            else
            {
                Launch(
                    !isFirst ? "sum_columns_further" : isPacked ? "sum_columns" : "sum_columns_scalar", x.DType,
                    BlocksFor(pass.ColumnStrips(block, width) * pieces, 1), block,
                    new() { isLast ? y : null, to, from ?? x, factor, pass.Outer, pass.Reduced, pass.Inner, length });
            }

            from?.Storage.Release();
            if (pieces == 1)
            {
                return to;
            }

            (from, pass) = (to, pass with { Reduced = pieces });
        }
    }

    /// <summary>Memory for intermediate results, of at least <paramref name="count"/> elements.</summary>
    private NdArray Scratch(long count, DType dtype)
    {
        const int Row = 1 << 20;
        return Empty(count <= int.MaxValue ? [(int)count] : [BlocksFor(count, Row), Row], dtype);
    }
}
