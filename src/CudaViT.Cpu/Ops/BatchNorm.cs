using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

// The formulas of batch normalization; BatchNormSums.cs has the sums over a batch.
public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormTraining(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double momentum,
        double epsilon, int groups)
    {
        if (x.DType == DType.BF16)
        {
            (NdArray y, NdArray mean, NdArray rstd) = BatchNormTraining(
                Widen(x), WidenIfAny(weight), WidenIfAny(bias), runningMean, runningVariance, momentum, epsilon,
                groups);
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
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd, bool training, bool forX,
        bool forParameters)
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
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd, bool training, bool forX,
        bool forParameters)
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
    /// dx = r·w·(dy − Σdy/n − (x−μ)·r·Σ(dy·x̂)/n), with the sums [groups, C] of dy and dy·x̂; without them the
    /// statistics are constants and dx = r·w·dy.
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
}
