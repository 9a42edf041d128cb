using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cpu;

/// <summary>Cuts matrix products into blocks for one micro-kernel and one epilogue.</summary>
/// <remarks>
/// Small products are one task each: B is packed a panel at a time, A is read where it lies. Large ones are cut into
/// super-blocks; for each, the team first packs the rows of A and the columns of B once, then multiplies tile by tile.
/// Panels hold <c>TKernel.Rows</c> rows of A or <c>TKernel.Columns</c> columns of B, for all k of a block.
/// </remarks>
internal static class GemmEngine<T, TKernel, TEpilogue>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TKernel : struct, IMicroKernel<T>
    where TEpilogue : struct, IGemmEpilogue<T>
{
    // A panel of B of this depth (24 KiB at 256 bits) stays in a 32 KiB first-level cache while panels of A pass by.
    // The sums of all kernels break here, so it must not depend on the kernel.
    private const int MaxDepth = 384;

    // A super-block takes several blocks of depth, so that a tile of C stays close while they are added to it, and up
    // to 2 Mi elements of each operand, to stay within the last-level cache.
    private const int MaxBlocksOfDepth = 4;
    private const int MaxPacked = 1 << 21;
    private const int MaxWidth = 2048;

    // 48 x 128 elements with the first kernel in floats: some 50 microseconds of work, and operands of 250 KiB.
    private const int TileRowPanels = 8;
    private const int TileColumnPanels = 8;

    // Multiply-adds below which cutting one product, or waking threads at all, costs more than it gains.
    private const long WorkOfOneTask = 1 << 18;

    // Items of a large batch are enough tasks by themselves up to this many multiply-adds each.
    private const long WorkOfOneItem = 1 << 25;
    private const int ManyItems = 16;

    public static void Run(WorkerTeam team, in GemmCall<T, TEpilogue> call)
    {
        call.Check();
        GemmShape shape = call.Shape;
        if (shape.M == 0 || shape.N == 0 || shape.Items == 0)
        {
            return;
        }

        if (shape.Work <= (shape.Items >= ManyItems ? WorkOfOneItem : WorkOfOneTask))
        {
            long grain = Math.Max(1, WorkOfOneTask / Math.Max(1, shape.Work));
            team.For(shape.Items, grain, new ItemBody(call));
            return;
        }

        for (long item = 0; item < shape.Items; item++)
        {
            RunLarge(team, call, item);
        }
    }

    private static void RunLarge(WorkerTeam team, in GemmCall<T, TEpilogue> call, long item)
    {
        GemmShape shape = call.Shape;
        int unit = BlockSize(shape.K, MaxDepth, 1);
        int maxDepth = Math.Min(CeilDivide(shape.K, unit), MaxBlocksOfDepth) * unit;
        int maxWidth = Math.Min(MaxWidth, MaxPacked / maxDepth);
        int maxRows = BlockSize(shape.M, maxWidth, TKernel.Rows);
        int maxColumns = BlockSize(shape.N, maxWidth, TKernel.Columns);
        GemmBuffers<T> buffers = GemmBuffers<T>.OfThisThread;
        AlignedBuffer<T> packedA = buffers.PackedA.Reserve(maxRows * maxDepth);
        AlignedBuffer<T> packedB = buffers.PackedB.Reserve(maxColumns * maxDepth);

        for (int column = 0; column < shape.N; column += maxColumns)
        {
            for (int row = 0; row < shape.M; row += maxRows)
            {
                for (int p = 0; p < shape.K; p += maxDepth)
                {
                    var block = new Block(
                        item, row, column, p, Math.Min(maxRows, shape.M - row), Math.Min(maxColumns, shape.N - column),
                        Math.Min(maxDepth, shape.K - p), unit);
                    var pack = new PackBody(call, block, packedA, packedB);
                    team.For(pack.Panels, PackBody.Grain, pack);
                    var tiles = new TileBody(call, block, packedA, packedB);
                    team.For(tiles.Tiles, 1, tiles);
                }
            }
        }
    }

    /// <summary>
    /// The size, a multiple of <paramref name="unit"/>, that cuts a length into the fewest, most even blocks.
    /// </summary>
    private static int BlockSize(int length, int max, int unit)
    {
        int blocks = Math.Max(1, CeilDivide(length, max));
        return CeilDivide(CeilDivide(length, blocks), unit) * unit;
    }

    private static int CeilDivide(int x, int y) => (int)(((long)x + y - 1) / y);

    /// <summary>Multiplies rows of A by one packed panel of B.</summary>
    /// <param name="depth">Terms of each sum.</param>
    /// <param name="a">First element of the first row panel of A.</param>
    /// <param name="aRow">Distance between rows within a panel of A.</param>
    /// <param name="aColumn">Distance between columns within a panel of A.</param>
    /// <param name="aPanel">Distance between panels of A.</param>
    /// <param name="b">The packed panel of B.</param>
    /// <param name="c">First element to write.</param>
    /// <param name="cRow">Distance between rows of C.</param>
    /// <param name="rows">Rows to write.</param>
    /// <param name="columns">Columns to write, at most a panel's.</param>
    /// <param name="alpha">Factor of the sums.</param>
    /// <param name="accumulate">Whether to add to C.</param>
    private static void MultiplyPanel(
        nint depth, ref T a, nint aRow, nint aColumn, nint aPanel, ref T b, ref T c, nint cRow, int rows, int columns,
        T alpha, bool accumulate)
    {
        int i = 0;
        if (columns == TKernel.Columns)
        {
            for (; i <= rows - TKernel.Rows; i += TKernel.Rows)
            {
                TKernel.Run(depth, in a, aRow, aColumn, TKernel.Rows, in b, ref c, cRow, alpha, accumulate);
                a = ref Unsafe.Add(ref a, aPanel);
                c = ref Unsafe.Add(ref c, TKernel.Rows * cRow);
            }
        }

        if (i == rows)
        {
            return;
        }

        // Past the edge the kernel works on a copy, so that every element sees the same arithmetic.
        ref T edge = ref GemmBuffers<T>.OfThisThread.Edge.Reserve(TKernel.Rows * TKernel.Columns).Start;
        for (; i < rows; i += TKernel.Rows)
        {
            int edgeRows = Math.Min(TKernel.Rows, rows - i);
            if (accumulate)
            {
                Copy(ref c, cRow, ref edge, TKernel.Columns, edgeRows, columns);
            }

            TKernel.Run(depth, in a, aRow, aColumn, edgeRows, in b, ref edge, TKernel.Columns, alpha, accumulate);
            Copy(ref edge, TKernel.Columns, ref c, cRow, edgeRows, columns);
            a = ref Unsafe.Add(ref a, aPanel);
            c = ref Unsafe.Add(ref c, TKernel.Rows * cRow);
        }
    }

    private static void Copy(ref T source, nint sourceRow, ref T target, nint targetRow, int rows, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            MemoryMarshal.CreateReadOnlySpan(ref Unsafe.Add(ref source, i * sourceRow), columns)
                .CopyTo(MemoryMarshal.CreateSpan(ref Unsafe.Add(ref target, i * targetRow), columns));
        }
    }

    /// <summary>One super-block of C and the terms to add to it.</summary>
    /// <param name="Item">Index of the product within the batch.</param>
    /// <param name="Row">First row of C.</param>
    /// <param name="Column">First column of C.</param>
    /// <param name="Start">First term.</param>
    /// <param name="Rows">Rows of C.</param>
    /// <param name="Columns">Columns of C.</param>
    /// <param name="Depth">Number of terms.</param>
    /// <param name="Unit">
    /// Terms of one block of depth; the last may be shorter. Packed operands hold all panels of the first block of
    /// depth, then all of the second, and so on.
    /// </param>
    private readonly record struct Block(
        long Item, int Row, int Column, int Start, int Rows, int Columns, int Depth, int Unit)
    {
        public int RowPanels => CeilDivide(Rows, TKernel.Rows);

        public int ColumnPanels => CeilDivide(Columns, TKernel.Columns);

        public int PackedRows => RowPanels * TKernel.Rows;

        public int PackedColumns => ColumnPanels * TKernel.Columns;
    }

    /// <summary>Packs the rows of A and the columns of B that a super-block needs, one index a panel.</summary>
    private readonly struct PackBody(
        GemmCall<T, TEpilogue> call, Block block, AlignedBuffer<T> packedA, AlignedBuffer<T> packedB) : IRangeBody
    {
        public const int Grain = 4;

        public long Panels => block.RowPanels + block.ColumnPanels;

        public void Run(long start, long end)
        {
            for (int panel = (int)start; panel < end; panel++)
            {
                if (panel < block.ColumnPanels)
                {
                    PackColumns(panel * TKernel.Columns);
                }
                else
                {
                    PackRows((panel - block.ColumnPanels) * TKernel.Rows);
                }
            }
        }

        private void PackColumns(int column)
        {
            nint rowStride = (nint)call.B.RowStride;
            nint columnStride = (nint)call.B.ColumnStride;
            int columns = Math.Min(TKernel.Columns, block.Columns - column);
            ref T source = ref Unsafe.Add(
                ref call.BStart(block.Item), (block.Start * rowStride) + ((block.Column + column) * columnStride));
            for (int p = 0; p < block.Depth; p += block.Unit)
            {
                int depth = Math.Min(block.Unit, block.Depth - p);
                GemmPacking<T, TKernel>.PackB(
                    ref Unsafe.Add(ref source, p * rowStride), rowStride, columnStride, depth, columns,
                    ref Unsafe.Add(ref packedB.Start, (p * block.PackedColumns) + (column * depth)));
            }
        }

        private void PackRows(int row)
        {
            nint rowStride = (nint)call.A.RowStride;
            nint columnStride = (nint)call.A.ColumnStride;
            int rows = Math.Min(TKernel.Rows, block.Rows - row);
            ref T source = ref Unsafe.Add(
                ref call.AStart(block.Item), ((block.Row + row) * rowStride) + (block.Start * columnStride));
            for (int p = 0; p < block.Depth; p += block.Unit)
            {
                int depth = Math.Min(block.Unit, block.Depth - p);
                GemmPacking<T, TKernel>.PackA(
                    ref Unsafe.Add(ref source, p * columnStride), rowStride, columnStride, rows, depth,
                    ref Unsafe.Add(ref packedA.Start, (p * block.PackedRows) + (row * depth)));
            }
        }
    }

    /// <summary>Multiplies the packed operands of a super-block, one index a tile of C.</summary>
    private readonly struct TileBody(
        GemmCall<T, TEpilogue> call, Block block, AlignedBuffer<T> packedA, AlignedBuffer<T> packedB) : IRangeBody
    {
        public long Tiles => (long)CeilDivide(block.RowPanels, TileRowPanels) * TilesInRow;

        private int TilesInRow => CeilDivide(block.ColumnPanels, TileColumnPanels);

        public void Run(long start, long end)
        {
            for (long tile = start; tile < end; tile++)
            {
                (long tileRow, long tileColumn) = Math.DivRem(tile, TilesInRow);
                Multiply(
                    (int)tileRow * TileRowPanels * TKernel.Rows, (int)tileColumn * TileColumnPanels * TKernel.Columns);
            }
        }

        private void Multiply(int row, int column)
        {
            int rows = Math.Min(TileRowPanels * TKernel.Rows, block.Rows - row);
            int columns = Math.Min(TileColumnPanels * TKernel.Columns, block.Columns - column);
            nint cRow = (nint)call.C.RowStride;
            ref T c = ref Unsafe.Add(
                ref call.CStart(block.Item), ((block.Row + row) * cRow) + block.Column + column);
            for (int p = 0; p < block.Depth; p += block.Unit)
            {
                int depth = Math.Min(block.Unit, block.Depth - p);
                (nint aRow, nint aColumn) = GemmPacking<T, TKernel>.PackedStrides((nint)call.A.ColumnStride, depth);
                ref T a = ref Unsafe.Add(ref packedA.Start, (p * block.PackedRows) + (row * depth));
                ref T b = ref Unsafe.Add(ref packedB.Start, (p * block.PackedColumns) + (column * depth));
                for (int j = 0; j < columns; j += TKernel.Columns)
                {
                    MultiplyPanel(
                        depth, ref a, aRow, aColumn, TKernel.Rows * depth, ref Unsafe.Add(ref b, j * depth),
                        ref Unsafe.Add(ref c, j), cRow, rows, Math.Min(TKernel.Columns, columns - j), call.Alpha,
                        call.Accumulate || block.Start + p > 0);
                }
            }

            if (block.Start + block.Depth == call.Shape.K)
            {
                Finish(call, block.Item, ref c, block.Row + row, block.Column + column, rows, columns);
            }
        }
    }

    /// <summary>Computes whole products, one index an item of the batch.</summary>
    private readonly struct ItemBody(GemmCall<T, TEpilogue> call) : IRangeBody
    {
        public void Run(long start, long end)
        {
            for (long item = start; item < end; item++)
            {
                Multiply(item);
            }
        }

        private void Multiply(long item)
        {
            GemmShape shape = call.Shape;
            nint aRow = (nint)call.A.RowStride;
            nint aColumn = (nint)call.A.ColumnStride;
            nint bRow = (nint)call.B.RowStride;
            nint bColumn = (nint)call.B.ColumnStride;
            nint cRow = (nint)call.C.RowStride;
            int maxDepth = BlockSize(shape.K, MaxDepth, 1);
            ref T panel = ref GemmBuffers<T>.OfThisThread.Panel.Reserve(TKernel.Columns * maxDepth).Start;
            ref T a = ref call.AStart(item);
            ref T b = ref call.BStart(item);
            ref T c = ref call.CStart(item);

            int p = 0;
            do
            {
                int depth = Math.Min(maxDepth, shape.K - p);
                for (int j = 0; j < shape.N; j += TKernel.Columns)
                {
                    int columns = Math.Min(TKernel.Columns, shape.N - j);
                    GemmPacking<T, TKernel>.PackB(
                        ref Unsafe.Add(ref b, (p * bRow) + (j * bColumn)), bRow, bColumn, depth, columns, ref panel);
                    MultiplyPanel(
                        depth, ref Unsafe.Add(ref a, p * aColumn), aRow, aColumn, TKernel.Rows * aRow, ref panel,
                        ref Unsafe.Add(ref c, j), cRow, shape.M, columns, call.Alpha, call.Accumulate || p > 0);
                }

                p += maxDepth;
            }
            while (p < shape.K);

            Finish(call, item, ref c, 0, 0, shape.M, shape.N);
        }
    }

    private static void Finish(
        in GemmCall<T, TEpilogue> call, long item, ref T c, int row, int column, int rows, int columns)
    {
        for (int i = 0; i < rows; i++)
        {
            ref T segment = ref Unsafe.Add(ref c, i * (nint)call.C.RowStride);
            call.Epilogue.Apply(item, row + i, column, MemoryMarshal.CreateSpan(ref segment, columns));
        }
    }
}
