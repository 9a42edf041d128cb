using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    // Rows whose column sums go to one partial. Fixed, so that the order of the sums is.
    private const int RowsPerPartial = 32;

    /// <inheritdoc/>
    public (NdArray Y, NdArray Mean, NdArray Rstd) LayerNorm(NdArray x, NdArray? weight, NdArray? bias, double epsilon)
    {
        if (x.DType == DType.BF16)
        {
            (NdArray y, NdArray mean, NdArray rstd) =
                LayerNorm(Widen(x), WidenIfAny(weight), WidenIfAny(bias), epsilon);
            return (Narrow(y), mean, rstd);
        }

        return x.DType == DType.F64
            ? LayerNorm<double>(x, weight, bias, epsilon)
            : LayerNorm<float>(x, weight, bias, epsilon);
    }

    /// <inheritdoc/>
    public (NdArray Dx, NdArray? DWeight, NdArray? DBias) LayerNormBackward(
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd)
    {
        if (dy.DType == DType.BF16)
        {
            (NdArray dx, NdArray? dWeight, NdArray? dBias) =
                LayerNormBackward(Widen(dy), Widen(x), WidenIfAny(weight), mean, rstd);
            return (Narrow(dx), NarrowIfAny(dWeight), NarrowIfAny(dBias));
        }

        return dy.DType == DType.F64
            ? LayerNormBackward<double>(dy, x, weight, mean, rstd)
            : LayerNormBackward<float>(dy, x, weight, mean, rstd);
    }

    private (NdArray Y, NdArray Mean, NdArray Rstd) LayerNorm<T>(
        NdArray x, NdArray? weight, NdArray? bias, double epsilon)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int width = x.Shape[^1];
        int rows = (int)(x.Count / width);
        NdArray y = Empty(x.Shape, x.DType);
        NdArray mean = Empty([rows], x.DType);
        NdArray rstd = Empty([rows], x.DType);
        T smallest = T.CreateChecked(epsilon);
        ForEachChunk(rows, width, (start, end) =>
        {
            ReadOnlySpan<T> source = x.ReadSpan<T>();
            Span<T> result = y.Span<T>();
            Span<T> means = mean.Span<T>();
            Span<T> rstds = rstd.Span<T>();
            ReadOnlySpan<T> weights = weight is null ? [] : weight.ReadSpan<T>();
            ReadOnlySpan<T> biases = bias is null ? [] : bias.ReadSpan<T>();
            for (int i = (int)start; i < end; i++)
            {
                (means[i], rstds[i]) = LayerNormRow(
                    source.Slice(i * width, width), weights, biases, smallest, result.Slice(i * width, width));
            }
        });
        return (y, mean, rstd);
    }

    private (NdArray Dx, NdArray? DWeight, NdArray? DBias) LayerNormBackward<T>(
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int width = dy.Shape[^1];
        int rows = (int)(dy.Count / width);
        int blocks = (rows + RowsPerPartial - 1) / RowsPerPartial;
        NdArray dx = Empty(dy.Shape, dy.DType);
        NdArray? partials = weight is null ? null : Empty([blocks, 2 * width], dy.DType);
        ForEachChunk(blocks, (long)RowsPerPartial * width, (start, end) =>
        {
            ReadOnlySpan<T> upstream = dy.ReadSpan<T>();
            ReadOnlySpan<T> source = x.ReadSpan<T>();
            ReadOnlySpan<T> weights = weight is null ? [] : weight.ReadSpan<T>();
            ReadOnlySpan<T> means = mean.ReadSpan<T>();
            ReadOnlySpan<T> rstds = rstd.ReadSpan<T>();
            Span<T> result = dx.Span<T>();
            for (int block = (int)start; block < end; block++)
            {
                Span<T> sums = partials is null ? [] : partials.Span<T>().Slice(block * 2 * width, 2 * width);
                sums.Clear();
                int lastRow = Math.Min(rows, (block + 1) * RowsPerPartial);
                for (int i = block * RowsPerPartial; i < lastRow; i++)
                {
                    LayerNormBackwardRow(
                        upstream.Slice(i * width, width), source.Slice(i * width, width), weights, means[i], rstds[i],
                        result.Slice(i * width, width), sums);
                }
            }
        });

        if (partials is null)
        {
            return (dx, null, null);
        }

        NdArray dWeight = Empty([width], dy.DType);
        NdArray dBias = Empty([width], dy.DType);
        AddPartials<T>(partials, dWeight, dBias);
        return (dx, dWeight, dBias);
    }

    /// <summary>One row of y, in three passes over a row that is in the first-level cache by then.</summary>
    private static (T Mean, T Rstd) LayerNormRow<T>(
        ReadOnlySpan<T> x, ReadOnlySpan<T> weight, ReadOnlySpan<T> bias, T epsilon, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int width = x.Length;
        ref T xAt = ref MemoryMarshal.GetReference(x);
        ref T yAt = ref MemoryMarshal.GetReference(y);
        ref T weightAt = ref MemoryMarshal.GetReference(weight);
        ref T biasAt = ref MemoryMarshal.GetReference(bias);
        int lanes = Vector<T>.Count;
        int vectorEnd = width - (width % lanes);
        T mean = TensorPrimitives.Sum(x) / T.CreateChecked(width);

        Vector<T> squareSums = Vector<T>.Zero;
        int j = 0;
        for (; j < vectorEnd; j += lanes)
        {
            Vector<T> centered = Vector.LoadUnsafe(ref xAt, (nuint)j) - new Vector<T>(mean);
            squareSums += centered * centered;
            centered.StoreUnsafe(ref yAt, (nuint)j);
        }

        T squareSum = Vector.Sum(squareSums);
        for (; j < width; j++)
        {
            y[j] = x[j] - mean;
            squareSum += y[j] * y[j];
        }

        T rstd = T.One / T.Sqrt((squareSum / T.CreateChecked(width)) + epsilon);
        if (!T.IsFinite(squareSum))
        {
            (mean, rstd) = LayerNormOfLargeRow(x, epsilon, y);
        }

        if (weight.IsEmpty)
        {
            TensorPrimitives.Multiply(y, rstd, y);
            return (mean, rstd);
        }

        for (j = 0; j < vectorEnd; j += lanes)
        {
            Vector<T> unit = Vector.LoadUnsafe(ref yAt, (nuint)j) * new Vector<T>(rstd);
            ((unit * Vector.LoadUnsafe(ref weightAt, (nuint)j)) + Vector.LoadUnsafe(ref biasAt, (nuint)j))
                .StoreUnsafe(ref yAt, (nuint)j);
        }

        for (; j < width; j++)
        {
            y[j] = (y[j] * rstd * weight[j]) + bias[j];
        }

        return (mean, rstd);
    }

    /// <summary>
    /// A row whose sum or squares overflow: it is divided by the width before it is summed, and by its largest element
    /// before it is squared.
    /// </summary>
    private static (T Mean, T Rstd) LayerNormOfLargeRow<T>(ReadOnlySpan<T> x, T epsilon, Span<T> centered)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T width = T.CreateChecked(x.Length);
        TensorPrimitives.Divide(x, width, centered);
        T mean = TensorPrimitives.Sum<T>(centered);
        TensorPrimitives.Subtract(x, mean, centered);
        T largest = T.Abs(TensorPrimitives.MaxMagnitude<T>(centered));
        T squares = T.Zero;
        foreach (T value in centered)
        {
            T share = value / largest;
            squares += share * share;
        }

        T deviation = T.Sqrt((squares / width) + (epsilon / largest / largest));
        return (mean, T.One / largest / deviation);
    }

    /// <summary>One row of dx; adds the row's part to the sums, dweight before dbias, unless they are empty.</summary>
    private static void LayerNormBackwardRow<T>(
        ReadOnlySpan<T> dy, ReadOnlySpan<T> x, ReadOnlySpan<T> weight, T mean, T rstd, Span<T> dx, Span<T> sums)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int width = dy.Length;
        bool isAffine = !weight.IsEmpty;
        ref T dyAt = ref MemoryMarshal.GetReference(dy);
        ref T xAt = ref MemoryMarshal.GetReference(x);
        ref T weightAt = ref MemoryMarshal.GetReference(weight);
        ref T dxAt = ref MemoryMarshal.GetReference(dx);
        ref T dWeightAt = ref MemoryMarshal.GetReference(sums);
        ref T dBiasAt = ref Unsafe.Add(ref dWeightAt, isAffine ? width : 0);
        int lanes = Vector<T>.Count;
        int vectorEnd = width - (width % lanes);

        // First pass: dx holds g = dy * weight meanwhile, and the two means that dx needs are summed.
        Vector<T> gSums = Vector<T>.Zero;
        Vector<T> alongSums = Vector<T>.Zero;
        int j = 0;
        for (; j < vectorEnd; j += lanes)
        {
            var upstream = Vector.LoadUnsafe(ref dyAt, (nuint)j);
            Vector<T> unit = (Vector.LoadUnsafe(ref xAt, (nuint)j) - new Vector<T>(mean)) * new Vector<T>(rstd);
            Vector<T> g = upstream;
            if (isAffine)
            {
                g *= Vector.LoadUnsafe(ref weightAt, (nuint)j);
                (Vector.LoadUnsafe(ref dWeightAt, (nuint)j) + (upstream * unit)).StoreUnsafe(ref dWeightAt, (nuint)j);
                (Vector.LoadUnsafe(ref dBiasAt, (nuint)j) + upstream).StoreUnsafe(ref dBiasAt, (nuint)j);
            }

            gSums += g;
            alongSums += g * unit;
            g.StoreUnsafe(ref dxAt, (nuint)j);
        }

        T gSum = Vector.Sum(gSums);
        T alongSum = Vector.Sum(alongSums);
        for (; j < width; j++)
        {
            T unit = (x[j] - mean) * rstd;
            T g = dy[j];
            if (isAffine)
            {
                g *= weight[j];
                Unsafe.Add(ref dWeightAt, j) += dy[j] * unit;
                Unsafe.Add(ref dBiasAt, j) += dy[j];
            }

            gSum += g;
            alongSum += g * unit;
            dx[j] = g;
        }

        // Second pass: dx = r * (g - mean(g) - unit * mean(g * unit)).
        T gMean = gSum / T.CreateChecked(width);
        T alongMean = alongSum / T.CreateChecked(width);
        for (j = 0; j < vectorEnd; j += lanes)
        {
            Vector<T> unit = (Vector.LoadUnsafe(ref xAt, (nuint)j) - new Vector<T>(mean)) * new Vector<T>(rstd);
            Vector<T> centered = Vector.LoadUnsafe(ref dxAt, (nuint)j) - new Vector<T>(gMean);
            ((centered - (unit * new Vector<T>(alongMean))) * new Vector<T>(rstd)).StoreUnsafe(ref dxAt, (nuint)j);
        }

        for (; j < width; j++)
        {
            dx[j] = (dx[j] - gMean - ((x[j] - mean) * rstd * alongMean)) * rstd;
        }
    }

    /// <summary>
    /// Adds the rows of [blocks, columns] in order into the results, which share the columns out, and gives the
    /// partials' memory back.
    /// </summary>
    private static void AddPartials<T>(NdArray partials, params ReadOnlySpan<NdArray> results)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int column = 0;
        foreach (NdArray result in results)
        {
            RowSums.Add(new RowsOf<T>(partials, column), partials.Shape[0], result.Span<T>());
            column += result.Shape[0];
        }

        partials.Storage.Release();
    }
}
