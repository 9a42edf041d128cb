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
        Launch(
            "info_nce_forward", q.DType, BlocksFor(at.QueryBlocks * (long)at.Count, 1), (16, 16),
            new()
            {
                largest, sum, positive, q, k, 1 / temperature, positiveOffset, at.Keys, at.Count, queries, keys, width,
                IsPacked(width, q, k) ? 1 : 0,
            });
        Launch(
            "info_nce_finish", q.DType, 1, 512,
            new() { loss, logSumExp, largest, sum, positive, temperature, at.Count, queries });
        largest.Storage.Release();
        sum.Storage.Release();
        positive.Storage.Release();
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
        long blocks = (long)at.QueryBlocks * at.Count * BlocksFor(width, InfoNceColumns);
        Launch(
            "info_nce_backward", q.DType, BlocksFor(blocks, 1), (16, 16),
            new()
            {
                partials, q, k, logSumExp, 1 / temperature, positiveOffset, at.Keys, at.Count, queries, keys, width,
                IsPacked(width, q, k) ? 1 : 0,
            });
        NdArray dq = Empty(q.Shape, q.DType);
        Launch(
            "info_nce_backward_reduce", q.DType, BlocksFor(dq.Count, 256), 256,
            new() { dq, partials, dy, at.Count, queries, width });
        partials.Storage.Release();
        return dq;
    }

    /// <summary>How the keys are shared out, so that few queries too fill a device; a function of the sizes alone.</summary>
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
