using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    private const int InfoNceSide = 64;     // queries and keys of a tile
    private const int InfoNceColumns = 256; // of the gradient that a block forms

    /// <inheritdoc/>
    public (NdArray Loss, NdArray LogSumExp) InfoNce(NdArray q, NdArray k, double temperature, int positiveOffset)
    {
        using ProfilerRange range = Range();
        (int queries, int keys, int width) = (q.Shape[0], k.Shape[0], q.Shape[1]);
        DType sums = q.DType.Accumulator();
        KeySplits at = new(queries, keys);
        NdArray loss = Empty([], sums);
        NdArray logSumExp = Empty([queries], sums);
        NdArray largest = Empty([at.Count, queries], sums);
        NdArray sum = Empty([at.Count, queries], sums);
        NdArray positive = Empty([queries], sums);
        NdArray lengthsQ = InverseLengths(q);
        NdArray lengthsK = InverseLengths(k);
        int grid = BlocksFor(at.QueryBlocks * (long)at.Count, 1);
        if (FitsTensorCores(q, k, out int sharedBytes))
        {
            Launch(
                "info_nce_forward_mma", q.DType, grid, 128,
                new()
                {
                    largest, sum, positive, q, k, lengthsQ, lengthsK, 1 / temperature, positiveOffset,
                    at.Keys, at.Count,
                    queries, keys, width,
                },
                sharedBytes);
        }
        else
        {
            Launch(
                "info_nce_forward", q.DType, grid, (16, 16),
                new()
                {
                    largest, sum, positive, q, k, lengthsQ, lengthsK, 1 / temperature, positiveOffset,
                    at.Keys, at.Count,
                    queries, keys, width, IsPacked(width, q, k) ? 1 : 0,
                });
        }

        Launch(
            "info_nce_finish", q.DType, 1, 512,
            new() { loss, logSumExp, largest, sum, positive, temperature, at.Count, queries });
        ReleaseAll(largest, sum, positive, lengthsQ, lengthsK);
        return (loss, logSumExp);
    }

    /// <inheritdoc/>
    public NdArray InfoNceBackward(
        NdArray dy, NdArray q, NdArray k, NdArray logSumExp, double temperature, int positiveOffset)
    {
        using ProfilerRange range = Range();
        (int queries, int keys, int width) = (q.Shape[0], k.Shape[0], q.Shape[1]);
        KeySplits at = new(queries, keys);
        NdArray partials = Empty([at.Count, queries, width], q.DType.Accumulator());
        NdArray lengthsQ = InverseLengths(q);
        NdArray lengthsK = InverseLengths(k);
        long blocks = at.QueryBlocks * (long)at.Count;
        if (FitsTensorCores(q, k, out int sharedBytes))
        {
            Launch(
                "info_nce_backward_mma", q.DType, BlocksFor(blocks, 1), 128,
                new()
                {
                    partials, q, k, logSumExp, lengthsQ, lengthsK, 1 / temperature, positiveOffset, at.Keys, at.Count,
                    queries, keys, width,
                },
                sharedBytes);
        }
        else
        {
            Launch(
                "info_nce_backward", q.DType, BlocksFor(blocks * BlocksFor(width, InfoNceColumns), 1), (16, 16),
                new()
                {
                    partials, q, k, logSumExp, lengthsQ, lengthsK, 1 / temperature, positiveOffset, at.Keys, at.Count,
                    queries, keys, width, IsPacked(width, q, k) ? 1 : 0,
                });
        }

        NdArray dq = Empty(q.Shape, q.DType);
        Launch(
            "info_nce_backward_reduce", q.DType, BlocksFor(queries, RowsPerBlock), (WarpSize, RowsPerBlock),
            new() { dq, partials, dy, q, lengthsQ, Core.InfoNce.Epsilon, at.Count, queries, width });
        ReleaseAll(partials, lengthsQ, lengthsK);
        return dq;
    }

    /// <summary>1 / max(length, ε) of every row.</summary>
    private NdArray InverseLengths(NdArray x)
    {
        (int rows, int width) = (x.Shape[0], x.Shape[1]);
        NdArray inverse = Empty([rows], x.DType.Accumulator());
        Launch(
            "info_nce_lengths", x.DType, BlocksFor(rows, RowsPerBlock), (WarpSize, RowsPerBlock),
            new() { inverse, x, Core.InfoNce.Epsilon, rows, width, IsPacked(width, x) ? 1 : 0 });
        return inverse;
    }

    /// <summary>
    /// Whether the kernels of info_nce_mma.cu can take these operands: BF16, whole steps of 16 in aligned rows, and
    /// three tiles of rows that fit into shared memory.
    /// </summary>
    private bool FitsTensorCores(NdArray q, NdArray k, out int sharedBytes)
    {
        const int StepWidth = 16;
        const int Tiles = 3;       // one of queries, two of keys
        const int RowMultiple = 64; // elements, so that the chunks of a row can be swapped
        int width = q.Shape[1];
        int pitch = BlocksFor(width, RowMultiple) * RowMultiple;
        sharedBytes = (Tiles * InfoNceSide * pitch * DType.BF16.SizeInBytes()) + (2 * InfoNceSide * sizeof(float));
        return q.DType == DType.BF16 && width % StepWidth == 0 && width <= InfoNceColumns && IsPacked(width, q, k)
            && sharedBytes <= _driver.Properties.SharedBytesPerBlock;
    }

    private static void ReleaseAll(params ReadOnlySpan<NdArray> arrays)
    {
        foreach (NdArray array in arrays)
        {
            array.Storage.Release();
        }
    }

    /// <summary>
    /// How the keys are shared out, so that few queries too fill a device; a function of the sizes alone.
    /// </summary>
    private readonly struct KeySplits
    {
        public KeySplits(int queries, int keys)
        {
            const int EnoughBlocks = 256;
            QueryBlocks = BlocksFor(queries, InfoNceSide);
            int tiles = BlocksFor(keys, InfoNceSide);
            int wanted = Math.Clamp(EnoughBlocks / QueryBlocks, 1, tiles);
            Keys = BlocksFor(tiles, wanted) * (long)InfoNceSide;
            Count = BlocksFor(keys, Keys);
        }

        /// <summary>Tiles of queries.</summary>
        public int QueryBlocks { get; }

        /// <summary>Keys of one split: whole tiles.</summary>
        public long Keys { get; }

        /// <summary>Number of splits.</summary>
        public int Count { get; }
    }
}
