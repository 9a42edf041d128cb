using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

// Sums over a batch run over blocks of rows at the same time; the blocks' partial sums are added in order.
public sealed partial class CpuBackend
{
    // Elements that are centered at a time: a tile stays in the first-level cache.
    private const int BatchNormTile = 256;

    /// <summary>Σu over each channel of a group, [groups, C].</summary>
    private NdArray ChannelSums<T>(ChannelLayout layout, NdArray u)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray sums = Empty(layout.Blocks, u.DType);
        SumBlocks<T>(layout, u, centered: false, v: null, mean: null, sums, products: null);
        return AddBlocks<T>(layout, sums);
    }

    /// <summary>Σu and Σu·(v−μ) over each channel of a group, both [groups, C].</summary>
    /// <param name="layout">Where the channels lie.</param>
    /// <param name="u">First factor.</param>
    /// <param name="centered">Whether u−μ takes the place of u.</param>
    /// <param name="v">Second factor; may be <paramref name="u"/> itself.</param>
    /// <param name="mean">μ [groups, C].</param>
    private (NdArray Sum, NdArray Product) ChannelMoments<T>(
        ChannelLayout layout, NdArray u, bool centered, NdArray v, NdArray mean)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray sums = Empty(layout.Blocks, u.DType);
        NdArray products = Empty(layout.Blocks, u.DType);
        SumBlocks<T>(layout, u, centered, v, mean, sums, products);
        return (AddBlocks<T>(layout, sums), AddBlocks<T>(layout, products));
    }

    private void SumBlocks<T>(
        ChannelLayout layout, NdArray u, bool centered, NdArray? v, NdArray? mean, NdArray sums, NdArray? products)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        ForEachChunk(sums.Shape[0], (long)layout.BlockRows * layout.RowLength, (start, end) =>
        {
            for (int block = (int)start; block < end; block++)
            {
                Span<T> sum = sums.Span<T>().Slice(block * layout.Channels, layout.Channels);
                Span<T> product = products is null
                    ? []
                    : products.Span<T>().Slice(block * layout.Channels, layout.Channels);
                sum.Clear();
                product.Clear();
                (int first, int last) = layout.RowsOf(block);
                for (int row = first; row < last; row++)
                {
                    var elements = new Range(row * layout.RowLength, (row + 1) * layout.RowLength);
                    ReadOnlySpan<T> factor = u.ReadSpan<T>()[elements];
                    ReadOnlySpan<T> other = v is null ? [] : v.ReadSpan<T>()[elements];
                    ReadOnlySpan<T> mu = mean is null ? [] : mean.ReadSpan<T>()[layout.ChannelsOf(row)];
                    if (layout.Spatial == 1)
                    {
                        AddRow(factor, centered, other, mu, sum, product);
                    }
                    else
                    {
                        AddPlanes(layout.Spatial, factor, centered, other, mu, sum, product);
                    }
                }
            }
        });
    }

    private static void AddRow<T>(
        ReadOnlySpan<T> u, bool centered, ReadOnlySpan<T> v, ReadOnlySpan<T> mean, Span<T> sum, Span<T> product)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<T> first = stackalloc T[BatchNormTile];
        Span<T> second = stackalloc T[BatchNormTile];
        for (int start = 0; start < u.Length; start += BatchNormTile)
        {
            var tile = new Range(start, Math.Min(u.Length, start + BatchNormTile));
            scoped ReadOnlySpan<T> term = u[tile];
            if (centered)
            {
                TensorPrimitives.Subtract(term, mean[tile], first);
                term = first[..term.Length];
            }

            TensorPrimitives.Add(sum[tile], term, sum[tile]);
            if (!v.IsEmpty)
            {
                TensorPrimitives.Subtract(v[tile], mean[tile], second);
                TensorPrimitives.MultiplyAdd(term, second[..term.Length], product[tile], product[tile]);
            }
        }
    }

    private static void AddPlanes<T>(
        int spatial, ReadOnlySpan<T> u, bool centered, ReadOnlySpan<T> v, ReadOnlySpan<T> mean, Span<T> sum,
        Span<T> product)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<T> first = stackalloc T[BatchNormTile];
        Span<T> second = stackalloc T[BatchNormTile];
        for (int c = 0; c < sum.Length; c++)
        {
            int planeEnd = (c + 1) * spatial;
            for (int start = c * spatial; start < planeEnd; start += BatchNormTile)
            {
                var tile = new Range(start, Math.Min(planeEnd, start + BatchNormTile));
                scoped ReadOnlySpan<T> term = u[tile];
                if (centered)
                {
                    TensorPrimitives.Subtract(term, mean[c], first);
                    term = first[..term.Length];
                }

                sum[c] += TensorPrimitives.Sum(term);
                if (!v.IsEmpty)
                {
                    TensorPrimitives.Subtract(v[tile], mean[c], second);
                    product[c] += TensorPrimitives.Dot(term, second[..term.Length]);
                }
            }
        }
    }

    /// <summary>Adds the blocks of each group, in order; gives their memory back.</summary>
    private NdArray AddBlocks<T>(ChannelLayout layout, NdArray blocks)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray result = Empty([layout.Groups, layout.Channels], blocks.DType);
        for (int group = 0; group < layout.Groups; group++)
        {
            int first = group * layout.BlocksPerGroup;
            AddRows<T>(blocks.Rows(first, first + layout.BlocksPerGroup), result.Rows(group, group + 1));
        }

        blocks.Storage.Release();
        return result;
    }

    private NdArray AddGroups<T>(NdArray groups)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray result = Empty([groups.Shape[1]], groups.DType);
        AddRows<T>(groups, result);
        return result;
    }

    private void AddRows<T>(NdArray rows, NdArray result)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        (int count, int width) = (rows.Shape[0], rows.Shape[1]);
        ForEachChunk(width, count, (start, end) =>
            RowSums.Add(new RowsOf<T>(rows, (int)start), count, result.Span<T>()[(int)start..(int)end]));
    }

    /// <summary>An array [N, C, ...] as rows of channels, in groups of rows, each cut into blocks.</summary>
    private readonly record struct ChannelLayout
    {
        public ChannelLayout(Shape shape, int groups)
        {
            (Rows, Channels, Spatial, Groups) = (shape[0], shape[1], (int)shape.CountFrom(2), groups);
            RowLength = Channels * Spatial;

            // Sixteen rows at least: fewer would leave nearly as many partial sums as there are elements. No more than
            // a running sum bears.
            BlockRows = (int)Math.Clamp(ChunkWork / Math.Max(1, RowLength), 16, RowSums.MostInLine);
            BlocksPerGroup = (RowsPerGroup + BlockRows - 1) / BlockRows;
        }

        public int Rows { get; }

        public int Channels { get; }

        /// <summary>Values that a channel has in one row.</summary>
        public int Spatial { get; }

        public int Groups { get; }

        public int RowLength { get; }

        public int BlockRows { get; }

        public int BlocksPerGroup { get; }

        /// <summary>Shape of partial sums: one row per block.</summary>
        public Shape Blocks => [Groups * BlocksPerGroup, Channels];

        public long ValuesPerGroup => (long)RowsPerGroup * Spatial;

        private int RowsPerGroup => Rows / Groups;

        /// <summary>The rows of a block: the first, and the one after the last.</summary>
        public (int First, int Last) RowsOf(int block)
        {
            (int group, int inGroup) = Math.DivRem(block, BlocksPerGroup);
            int first = inGroup * BlockRows;
            int last = Math.Min(RowsPerGroup, first + BlockRows);
            return ((group * RowsPerGroup) + first, (group * RowsPerGroup) + last);
        }

        /// <summary>Where the row's group has its statistics in arrays [groups, C].</summary>
        public Range ChannelsOf(int row)
        {
            int group = row / RowsPerGroup;
            return new Range(group * Channels, (group + 1) * Channels);
        }
    }
}
