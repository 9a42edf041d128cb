using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>Rows to add up, as long as their sum.</summary>
internal interface IRowSource<T>
{
    /// <summary>The first <paramref name="length"/> elements of a row.</summary>
    ReadOnlySpan<T> Row(int index, int length);
}

/// <summary>Sums of rows, in an order that depends on their number alone.</summary>
internal static class RowSums
{
    /// <summary>
    /// Rows that are added one after the other. The rounding of a running sum grows with its length, that of a tree
    /// with the logarithm: over millions of rows in float32 that is 1e-5 of the sum against 1e-7.
    /// </summary>
    public const int MostInLine = 512;

    private const int Leaf = 32;

    /// <summary>Sets <paramref name="sum"/> to the sum of <paramref name="count"/> rows.</summary>
    public static void Add<T, TRows>(TRows rows, int count, Span<T> sum)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TRows : struct, IRowSource<T>
    {
        if (count <= MostInLine)
        {
            AddInLine(rows, 0, count, sum);
        }
        else
        {
            AddInTree(rows, 0, count, sum);
        }
    }

    private static void AddInLine<T, TRows>(TRows rows, int first, int last, Span<T> sum)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TRows : struct, IRowSource<T>
    {
        sum.Clear();
        for (int row = first; row < last; row++)
        {
            TensorPrimitives.Add(sum, rows.Row(row, sum.Length), sum);
        }
    }

    private static void AddInTree<T, TRows>(TRows rows, int first, int last, Span<T> sum)
        where T : unmanaged, IFloatingPointIeee754<T>
        where TRows : struct, IRowSource<T>
    {
        if (last - first <= Leaf)
        {
            AddInLine(rows, first, last, sum);
            return;
        }

        int middle = first + ((last - first) / 2);
        T[] right = ArrayPool<T>.Shared.Rent(sum.Length);
        AddInTree(rows, first, middle, sum);
        AddInTree(rows, middle, last, right.AsSpan(0, sum.Length));
        TensorPrimitives.Add(sum, right.AsSpan(0, sum.Length), sum);
        ArrayPool<T>.Shared.Return(right);
    }
}

/// <summary>The rows of a matrix, from a column on.</summary>
internal readonly struct RowsOf<T>(NdArray matrix, int column) : IRowSource<T>
    where T : unmanaged
{
    public ReadOnlySpan<T> Row(int index, int length) =>
        matrix.ReadSpan<T>().Slice((index * matrix.Shape[1]) + column, length);
}

/// <summary>Rows of a given width in the order of a list, from one of its entries on.</summary>
internal readonly struct GatheredRows<T>(NdArray array, int width, int[] order, int first) : IRowSource<T>
    where T : unmanaged
{
    public ReadOnlySpan<T> Row(int index, int length) =>
        array.ReadSpan<T>().Slice(order[first + index] * width, length);
}
