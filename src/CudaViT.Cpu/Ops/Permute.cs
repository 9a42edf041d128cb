using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    // A tile of 32 x 32 touches 32 lines on either side, which the first-level cache holds.
    private const int TransposeTile = 32;

    /// <inheritdoc/>
    public NdArray Permute(NdArray x, ReadOnlySpan<int> order)
    {
        int[] dimensions = new int[order.Length];
        for (int i = 0; i < order.Length; i++)
        {
            dimensions[i] = x.Shape[order[i]];
        }

        NdArray y = Empty(Shape.Create(dimensions), x.DType);
        List<PermutedAxis> axes = MergeAxes(x.Shape, order);
        if (y.Count > 0)
        {
            switch (x.DType.SizeInBytes())
            {
                case 8: Permute<ulong>(x, y, axes); break;
                case 4: Permute<uint>(x, y, axes); break;
                case 2: Permute<ushort>(x, y, axes); break;
                default: Permute<byte>(x, y, axes); break;
            }
        }

        return y;
    }

    /// <summary>
    /// Axes of the result, innermost first, without those of length 1; neighbours that stay together are merged.
    /// </summary>
    private static List<PermutedAxis> MergeAxes(Shape from, ReadOnlySpan<int> order)
    {
        var axes = new List<PermutedAxis>();
        long stride = 1;
        for (int i = order.Length - 1; i >= 0; i--)
        {
            int size = from[order[i]];
            long source = from.CountFrom(order[i] + 1);
            if (size != 1 && axes.Count > 0 && axes[^1] is var last && source == last.Source * last.Size)
            {
                axes[^1] = last with { Size = last.Size * size };
            }
            else if (size != 1)
            {
                axes.Add(new PermutedAxis(size, source, stride));
            }

            stride *= size;
        }

        return axes;
    }

    private void Permute<T>(NdArray x, NdArray y, List<PermutedAxis> axes)
        where T : unmanaged
    {
        // The input's innermost axis: where it is the result's too, whole rows move; otherwise tiles are transposed.
        PermutedAxis row = axes.Count > 0 ? axes[0] : new PermutedAxis(1, 1, 1);
        PermutedAxis column = axes.Find(axis => axis.Source == 1) is { Size: > 0 } found ? found : row;
        List<PermutedAxis> batch = [.. axes.Where(axis => axis != row && axis != column)];
        long batches = y.Count / row.Size / (column == row ? 1 : column.Size);
        if (column == row)
        {
            ForEachChunk(batches, row.Size, (start, end) =>
            {
                for (long i = start; i < end; i++)
                {
                    (long source, long target) = Locate(batch, i);
                    x.ReadSpan<T>().Slice((int)source, (int)row.Size).CopyTo(y.Span<T>()[(int)target..]);
                }
            });
            return;
        }

        long bands = (column.Size + TransposeTile - 1) / TransposeTile;
        ForEachChunk(batches * bands, TransposeTile * row.Size, (start, end) =>
        {
            for (long i = start; i < end; i++)
            {
                (long index, long band) = Math.DivRem(i, bands);
                (long source, long target) = Locate(batch, index);
                long first = band * TransposeTile;
                TransposeBand(
                    x.ReadSpan<T>()[(int)(source + first)..],
                    row.Source,
                    y.Span<T>()[(int)(target + (first * column.Target))..],
                    column.Target,
                    (int)row.Size,
                    (int)Math.Min(TransposeTile, column.Size - first));
            }
        });
    }

    /// <summary>target[i, j] = source[j, i], for i below the number of rows and j below that of columns.</summary>
    private static void TransposeBand<T>(
        ReadOnlySpan<T> source, long sourceStride, Span<T> target, long targetStride, int columns, int rows)
        where T : unmanaged
    {
        // The last elements read and written, so that the loop below needs no checks of its own.
        _ = source[(int)(((columns - 1) * sourceStride) + rows - 1)];
        _ = target[(int)(((rows - 1) * targetStride) + columns - 1)];
        ref T from = ref MemoryMarshal.GetReference(source);
        ref T to = ref MemoryMarshal.GetReference(target);
        for (int left = 0; left < columns; left += TransposeTile)
        {
            int right = Math.Min(left + TransposeTile, columns);
            for (int i = 0; i < rows; i++)
            {
                ref T line = ref Unsafe.Add(ref to, (nint)(i * targetStride));
                for (int j = left; j < right; j++)
                {
                    Unsafe.Add(ref line, j) = Unsafe.Add(ref from, (nint)((j * sourceStride) + i));
                }
            }
        }
    }

    private static (long Source, long Target) Locate(List<PermutedAxis> axes, long index)
    {
        (long source, long target) = (0, 0);
        foreach (PermutedAxis axis in axes)
        {
            (index, long at) = Math.DivRem(index, axis.Size);
            source += at * axis.Source;
            target += at * axis.Target;
        }

        return (source, target);
    }

    /// <summary>An axis of the result: its length, and its strides in input and result.</summary>
    private readonly record struct PermutedAxis(long Size, long Source, long Target);
}
