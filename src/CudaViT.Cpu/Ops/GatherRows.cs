using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray GatherRows(NdArray x, NdArray indices)
    {
        int[] rows = ReadIndices(indices, x.Shape[0]);
        NdArray y = Empty(x.Shape.With(0, rows.Length), x.DType);
        int size = (int)(x.Shape.CountFrom(1) * x.DType.SizeInBytes());
        ForEachChunk(rows.Length, size / sizeof(float), (start, end) =>
        {
            for (int i = (int)start; i < end; i++)
            {
                x.Bytes().Slice(rows[i] * size, size).CopyTo(y.Bytes()[(i * size)..]);
            }
        });
        return y;
    }

    /// <inheritdoc/>
    public NdArray GatherRowsBackward(NdArray dy, NdArray indices, int rows) => dy.DType switch
    {
        DType.BF16 => Narrow(GatherRowsBackward<float>(Widen(dy), indices, rows)),
        DType.F64 => GatherRowsBackward<double>(dy, indices, rows),
        _ => GatherRowsBackward<float>(dy, indices, rows),
    };

    // Every row collects its own terms, in the order of the indices: threads share no sum and the order is fixed.
    private NdArray GatherRowsBackward<T>(NdArray dy, NdArray indices, int rows)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        NdArray dx = Empty(dy.Shape.With(0, rows), dy.DType);
        int width = (int)dy.Shape.CountFrom(1);
        (int[] firsts, int[] order) = GroupByRow(ReadIndices(indices, rows), rows);
        ForEachChunk(rows, width, (start, end) =>
        {
            for (int row = (int)start; row < end; row++)
            {
                RowSums.Add(
                    new GatheredRows<T>(dy, width, order, firsts[row]), firsts[row + 1] - firsts[row],
                    dx.Span<T>().Slice(row * width, width));
            }
        });
        return dx;
    }

    /// <summary>A stable counting sort: order[firsts[r]..firsts[r + 1]] are the positions of r, ascending.</summary>
    private static (int[] Firsts, int[] Order) GroupByRow(int[] indices, int rows)
    {
        int[] firsts = new int[rows + 1];
        foreach (int index in indices)
        {
            firsts[index + 1]++;
        }

        for (int row = 0; row < rows; row++)
        {
            firsts[row + 1] += firsts[row];
        }

        int[] next = firsts[..rows];
        int[] order = new int[indices.Length];
        for (int i = 0; i < indices.Length; i++)
        {
            order[next[indices[i]]++] = i;
        }

        return (firsts, order);
    }

    private static int[] ReadIndices(NdArray indices, int rows)
    {
        int[] result = indices.DType == DType.I32
            ? indices.ToArray<int>()
            : Array.ConvertAll(indices.ToArray<long>(), index => (int)Math.Clamp(index, -1, int.MaxValue));
        int bad = Array.FindIndex(result, index => (uint)index >= (uint)rows);
        return bad < 0
            ? result
            : throw new ArgumentException(
                $"GatherRows: index {bad} is {indices.ToDoubles()[bad]}, but there are {rows} rows, counted from 0.");
    }
}
