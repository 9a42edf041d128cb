using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>One step of a reduction: [outer, reduced, inner] becomes [outer, inner].</summary>
internal readonly record struct ReductionPass(long Outer, long Reduced, long Inner)
{
    private const int WarpSize = 32;
    private const int BlockSize = 256;

    // Rows that one thread of a column reduction passes before other threads' results are added to its own.
    private const int RowsPerThread = 64;

    /// <summary>
    /// The next pass of a reduction, innermost first. Neighbouring axes of one kind are merged, so a reduction over
    /// rows, over columns or over everything is a single pass.
    /// </summary>
    /// <param name="from">Shape to begin with, without empty dimensions.</param>
    /// <param name="to">Shape that broadcasts to it.</param>
    /// <param name="last">The pass before this one; null for the first.</param>
    /// <param name="axis">Where to go on, counted from the innermost axis, 1; moved on.</param>
    /// <returns>Null when nothing is left to reduce.</returns>
    public static ReductionPass? Next(Shape from, Shape to, ReductionPass? last, ref int axis)
    {
        (long outer, long inner) = last is { } before ? (before.Outer, before.Inner) : (from.Count, 1);
        for (; axis <= from.Rank && !IsReduced(axis); axis++)
        {
            outer /= from[^axis];
            inner *= from[^axis];
        }

        long reduced = 1;
        for (; axis <= from.Rank && (from[^axis] == 1 || IsReduced(axis)); axis++)
        {
            reduced *= from[^axis];
        }

        return reduced == 1 ? null : new ReductionPass(outer / reduced, reduced, inner);

        bool IsReduced(int i) => from[^i] != 1 && (i > to.Rank || to[^i] == 1);
    }

    /// <summary>
    /// Threads of a block that reduces columns: along x neighbouring units of <paramref name="width"/> columns, along y
    /// groups of rows. Where an outer index has few units and many rows, more threads share the rows.
    /// </summary>
    public Dim3 ColumnBlock(int width)
    {
        long units = Inner / width;
        int along = units < WarpSize && Reduced >= RowsPerThread
            ? (int)BitOperations.RoundUpToPowerOf2((ulong)units)
            : WarpSize;
        return (along, BlockSize / along);
    }

    /// <summary>Rows that one block reduces: it depends on the shape alone, and with it the order of sums.</summary>
    public static long ColumnPiece(Dim3 block) => (long)RowsPerThread * block.Y;

    /// <summary>Blocks across the columns of all outer indices, for one piece of the rows.</summary>
    public long ColumnStrips(Dim3 block, int width) => ((Outer * (Inner / width)) + block.X - 1) / block.X;

    /// <summary>Number of pieces of a length that the reduced axis has.</summary>
    public long Pieces(long length) => (Reduced + length - 1) / length;
}
