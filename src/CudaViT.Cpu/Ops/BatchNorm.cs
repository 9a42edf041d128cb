using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

// Sums over a batch run over blocks of rows at the same time; the blocks' partial sums are added in order.
public sealed partial class CpuBackend
{
    // Elements that are centered at a time: a tile stays in the first-level cache.
    private const int BatchNormTile = 256;

    /// <inheritdoc/>
    public (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormTraining(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double momentum,
        double epsilon, int groups)
    {
        if (x.DType == DType.BF16)
        {
            (NdArray y, NdArray mean, NdArray rstd) = BatchNormTraining(
                Widen(x), WidenIfAny(weight), WidenIfAny(bias), runningMean, runningVariance, momentum, epsilon, groups);
            return (Narrow(y), mean, rstd);
        }

        return x.DType == DType.F64
            ? BatchNormTraining<double>(x, weight, bias, runningMean, runningVariance, momentum, epsilon, groups)
            : BatchNormTraining<float>(x, weight, bias, runningMean, runningVariance, momentum, epsilon, groups);
    }

    /// <inheritdoc/>
    public (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormEvaluation(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double epsilon)
    {
        if (x.DType == DType.BF16)
        {
            (NdArray y, NdArray mean, NdArray rstd) = BatchNormEvaluation(
                Widen(x), WidenIfAny(weight), WidenIfAny(bias), runningMean, runningVariance, epsilon);
            return (Narrow(y), mean, rstd);
        }

        return x.DType == DType.F64
            ? BatchNormEvaluation<double>(x, weight, bias, runningMean, runningVariance, epsilon)
            : BatchNormEvaluation<float>(x, weight, bias, runningMean, runningVariance, epsilon);
    }

    /// <inheritdoc/>
    public (NdArray? Dx, NdArray? DWeight, NdArray? DBias) BatchNormBackward(
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd, bool training, bool forX, bool forParameters)
    {
        if (dy.DType == DType.BF16)
        {
            (NdArray? dx, NdArray? dWeight, NdArray? dBias) = BatchNormBackward(
                Widen(dy), Widen(x), WidenIfAny(weight), mean, rstd, training, forX, forParameters);
            return (
                dx is null ? null : Narrow(dx),
                dWeight is null ? null : Narrow(dWeight),
                dBias is null ? null : Narrow(dBias));
        }

        return dy.DType == DType.F64
            ? BatchNormBackward<double>(dy, x, weight, mean, rstd, training, forX, forParameters)
            : BatchNormBackward<float>(dy, x, weight, mean, rstd, training, forX, forParameters);
    }

    private (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormTraining<T>(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double momentum,
        double epsilon, int groups)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var layout = new ChannelLayout(x.Shape, groups);
        var count = T.CreateChecked(layout.ValuesPerGroup);
        NdArray mean = ChannelSums<T>(layout, x);
        TensorPrimitives.Divide(mean.ReadSpan<T>(), count, mean.Span<T>());

        // Σ(x−μ) would be zero but for the rounding of μ; its square corrects the variance for that.
        (NdArray rest, NdArray squares) = ChannelMoments<T>(layout, x, centered: true, x, mean);
        Span<T> variance = squares.Span<T>();
        for (int i = 0; i < variance.Length; i++)
        {
            T left = rest.Span<T>()[i];
            variance[i] = (variance[i] - (left * left / count)) / count;
        }

        rest.Storage.Release();
        var share = T.CreateChecked(momentum);
        for (int group = 0; group < groups; group++)
        {
            var channels = new Range(group * layout.Channels, (group + 1) * layout.Channels);
            MoveAverage(runningMean.Span<T>(), mean.ReadSpan<T>()[channels], T.One, share);
            MoveAverage(runningVariance.Span<T>(), variance[channels], count / (count - T.One), share);
        }

        NdArray rstd = squares;
        ReciprocalRoot(variance, T.CreateChecked(epsilon), rstd.Span<T>());
        return (BatchNormApply<T>(layout, x, weight, bias, mean, rstd), mean, rstd);
    }

    private (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormEvaluation<T>(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double epsilon)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var layout = new ChannelLayout(x.Shape, groups: 1);

        // Copies, so that a later training step does not change what this call's backward pass needs.
        NdArray mean = runningMean.Clone().Reshape(1, -1);
        NdArray rstd = Empty(mean.Shape, mean.DType);
        ReciprocalRoot(runningVariance.ReadSpan<T>(), T.CreateChecked(epsilon), rstd.Span<T>());
        return (BatchNormApply<T>(layout, x, weight, bias, mean, rstd), mean, rstd);
    }

    private (NdArray? Dx, NdArray? DWeight, NdArray? DBias) BatchNormBackward<T>(
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd, bool training, bool forX, bool forParameters)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var layout = new ChannelLayout(x.Shape, groups: mean.Shape[0]);
        bool throughStatistics = forX && training;
        if (!throughStatistics && !forParameters)
        {
            return (forX ? BatchNormDx<T>(layout, dy, x, weight, mean, rstd, null) : null, null, null);
        }

        (NdArray sum, NdArray product) = ChannelMoments<T>(layout, dy, centered: false, x, mean);
        TensorPrimitives.Multiply(product.ReadSpan<T>(), rstd.ReadSpan<T>(), product.Span<T>()); // now Σ dy·x̂
        NdArray? dWeight = forParameters ? AddGroups<T>(product) : null;
        NdArray? dBias = forParameters ? AddGroups<T>(sum) : null;
        NdArray? dx = forX
            ? BatchNormDx<T>(layout, dy, x, weight, mean, rstd, training ? (sum, product) : null)
            : null;
        sum.Storage.Release();
        product.Storage.Release();
        return (dx, dWeight, dBias);
    }

    /// <summary>y = (x − μ)·(r·w) + b: centered first, so that a large mean costs no digits.</summary>
    private NdArray BatchNormApply<T>(
        ChannelLayout layout, NdArray x, NdArray? weight, NdArray? bias, NdArray mean, NdArray rstd)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray y = Empty(x.Shape, x.DType);
        NdArray scale = ChannelScale<T>(layout, weight, rstd);
        ForEachChunk(layout.Rows, layout.RowLength, (start, end) =>
        {
            for (int row = (int)start; row < end; row++)
            {
                Range channels = layout.ChannelsOf(row);
                ReadOnlySpan<T> mu = mean.ReadSpan<T>()[channels];
                ReadOnlySpan<T> factor = scale.ReadSpan<T>()[channels];
                ReadOnlySpan<T> shift = bias is null ? [] : bias.ReadSpan<T>();
                ReadOnlySpan<T> source = x.ReadSpan<T>().Slice(row * layout.RowLength, layout.RowLength);
                Span<T> target = y.Span<T>().Slice(row * layout.RowLength, layout.RowLength);
                if (layout.Spatial == 1)
                {
                    TensorPrimitives.Subtract(source, mu, target);
                    TensorPrimitives.Multiply(target, factor, target);
                    if (bias is not null)
                    {
                        TensorPrimitives.Add(target, shift, target);
                    }

                    continue;
                }

                for (int c = 0; c < layout.Channels; c++)
                {
                    Span<T> plane = target.Slice(c * layout.Spatial, layout.Spatial);
                    TensorPrimitives.Subtract(source.Slice(c * layout.Spatial, layout.Spatial), mu[c], plane);
                    TensorPrimitives.Multiply(plane, factor[c], plane);
                    if (bias is not null)
                    {
                        TensorPrimitives.Add(plane, shift[c], plane);
                    }
                }
            }
        });
        scale.Storage.Release();
        return y;
    }

    /// <summary>
    /// dx = r·w·(dy − Σdy/n − (x−μ)·r·Σ(dy·x̂)/n), with the sums [groups, C] of dy and dy·x̂; without them the statistics
    /// are constants and dx = r·w·dy.
    /// </summary>
    private NdArray BatchNormDx<T>(
        ChannelLayout layout, NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd,
        (NdArray Sum, NdArray Product)? sums)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray dx = Empty(dy.Shape, dy.DType);
        NdArray scale = ChannelScale<T>(layout, weight, rstd);
        NdArray offset = Empty(rstd.Shape, rstd.DType);
        NdArray slope = Empty(rstd.Shape, rstd.DType);
        if (sums is ({ } sum, { } product))
        {
            var count = T.CreateChecked(layout.ValuesPerGroup);
            TensorPrimitives.Divide(sum.ReadSpan<T>(), count, offset.Span<T>());
            TensorPrimitives.Divide(product.ReadSpan<T>(), -count, slope.Span<T>());
            TensorPrimitives.Multiply(slope.ReadSpan<T>(), rstd.ReadSpan<T>(), slope.Span<T>());
        }

        ForEachChunk(layout.Rows, 2L * layout.RowLength, (start, end) =>
        {
            for (int row = (int)start; row < end; row++)
            {
                Range channels = layout.ChannelsOf(row);
                ReadOnlySpan<T> factor = scale.ReadSpan<T>()[channels];
                var elements = new Range(row * layout.RowLength, (row + 1) * layout.RowLength);
                ReadOnlySpan<T> upstream = dy.ReadSpan<T>()[elements];
                Span<T> target = dx.Span<T>()[elements];
                if (sums is not null)
                {
                    ThroughStatistics(
                        layout, upstream, x.ReadSpan<T>()[elements], mean.ReadSpan<T>()[channels],
                        offset.ReadSpan<T>()[channels], slope.ReadSpan<T>()[channels], target);
                    upstream = target;
                }

                if (layout.Spatial == 1)
                {
                    TensorPrimitives.Multiply(upstream, factor, target);
                    continue;
                }

                for (int c = 0; c < layout.Channels; c++)
                {
                    var plane = new Range(c * layout.Spatial, (c + 1) * layout.Spatial);
                    TensorPrimitives.Multiply(upstream[plane], factor[c], target[plane]);
                }
            }
        });
        scale.Storage.Release();
        offset.Storage.Release();
        slope.Storage.Release();
        return dx;
    }

    /// <summary>One row of dy − offset + (x−μ)·slope.</summary>
    private static void ThroughStatistics<T>(
        ChannelLayout layout, ReadOnlySpan<T> dy, ReadOnlySpan<T> x, ReadOnlySpan<T> mean, ReadOnlySpan<T> offset,
        ReadOnlySpan<T> slope, Span<T> result)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (layout.Spatial == 1)
        {
            TensorPrimitives.Subtract(x, mean, result);
            TensorPrimitives.MultiplyAdd(result, slope, dy, result);
            TensorPrimitives.Subtract(result, offset, result);
            return;
        }

        for (int c = 0; c < layout.Channels; c++)
        {
            var plane = new Range(c * layout.Spatial, (c + 1) * layout.Spatial);
            TensorPrimitives.Subtract(x[plane], mean[c], result[plane]);
            TensorPrimitives.MultiplyAdd(result[plane], slope[c], dy[plane], result[plane]);
            TensorPrimitives.Subtract(result[plane], offset[c], result[plane]);
        }
    }

    /// <summary>r·w, [groups, C].</summary>
    private static NdArray ChannelScale<T>(ChannelLayout layout, NdArray? weight, NdArray rstd)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray scale = rstd.Clone();
        for (int group = 0; weight is not null && group < layout.Groups; group++)
        {
            Span<T> row = scale.Span<T>().Slice(group * layout.Channels, layout.Channels);
            TensorPrimitives.Multiply(row, weight.ReadSpan<T>(), row);
        }

        return scale;
    }

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
        {
            Span<T> target = result.Span<T>()[(int)start..(int)end];
            target.Clear();
            for (int row = 0; row < count; row++)
            {
                TensorPrimitives.Add(target, rows.ReadSpan<T>().Slice((row * width) + (int)start, target.Length), target);
            }
        });
    }

    /// <summary>running ← (1 − share)·running + share·factor·batch.</summary>
    private static void MoveAverage<T>(Span<T> running, ReadOnlySpan<T> batch, T factor, T share)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int c = 0; c < running.Length; c++)
        {
            running[c] = ((T.One - share) * running[c]) + (share * factor * batch[c]);
        }
    }

    private static void ReciprocalRoot<T>(ReadOnlySpan<T> variance, T epsilon, Span<T> rstd)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < variance.Length; i++)
        {
            rstd[i] = T.One / T.Sqrt(variance[i] + epsilon);
        }
    }

    /// <summary>An array [N, C, ...] as rows of channels, in groups of rows, each cut into blocks.</summary>
    private readonly record struct ChannelLayout
    {
        public ChannelLayout(Shape shape, int groups)
        {
            (Rows, Channels, Spatial, Groups) = (shape[0], shape[1], (int)shape.CountFrom(2), groups);
            RowLength = Channels * Spatial;

            // Sixteen rows at least: fewer would leave nearly as many partial sums as there are elements.
            BlockRows = (int)Math.Max(16, ChunkWork / Math.Max(1, RowLength));
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
