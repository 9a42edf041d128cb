using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// A walk over several axes with two operands, for a kernel: <c>struct Axes</c> of <c>kernels/common/axes.cuh</c>. Axes
/// of length 1 are left out, and neighbours that both operands pass in one go become one axis, so equal shapes are one
/// axis, and a vector added to a matrix makes two.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Axes
{
    /// <summary>Most axes that a kernel walks, after merging.</summary>
    public const int MaximumRank = 8;

    private long _rank;
    private PerAxis _sizes;
    private PerAxis _a;
    private PerAxis _b;

    /// <summary>Number of axes.</summary>
    public readonly int Rank => (int)_rank;

    /// <summary>An axis, innermost first: its length and both operands' strides, 0 where one is stretched.</summary>
    public readonly (long Size, long A, long B) this[int axis] => (_sizes[axis], _a[axis], _b[axis]);

    /// <summary>The walk over <paramref name="y"/>, to which both operands broadcast.</summary>
    public static Axes Broadcast(Shape a, Shape b, Shape y)
    {
        var axes = default(Axes);
        long strideA = 1;
        long strideB = 1;
        for (int i = 1; i <= y.Rank; i++)
        {
            int sizeA = i <= a.Rank ? a[^i] : 1;
            int sizeB = i <= b.Rank ? b[^i] : 1;
            axes.Append(y[^i], sizeA == 1 ? 0 : strideA, sizeB == 1 ? 0 : strideB);
            strideA *= sizeA;
            strideB *= sizeB;
        }

        return axes;
    }

    /// <summary>The walk over a permuted array: strides of the input, then of the result.</summary>
    public static Axes Permuted(Shape from, ReadOnlySpan<int> order)
    {
        var axes = default(Axes);
        long stride = 1;
        for (int i = order.Length - 1; i >= 0; i--)
        {
            int size = from[order[i]];
            axes.Append(size, from.CountFrom(order[i] + 1), stride);
            stride *= size;
        }

        return axes;
    }

    /// <summary>Takes an axis out of the walk; the others close up.</summary>
    public (long Size, long A, long B) Remove(int axis)
    {
        (long Size, long A, long B) removed = this[axis];
        _rank--;
        for (int i = axis; i < Rank; i++)
        {
            (_sizes[i], _a[i], _b[i]) = this[i + 1];
        }

        return removed;
    }

    private void Append(long size, long a, long b)
    {
        int last = Rank - 1;
        if (size == 1)
        {
            return;
        }

        if (last >= 0 && a == _a[last] * _sizes[last] && b == _b[last] * _sizes[last])
        {
            _sizes[last] *= size;
            return;
        }

        if (Rank == MaximumRank)
        {
            throw new ArgumentException(
                $"On this device at most {MaximumRank} axes can be walked after neighbours that stay together are "
                + "merged. "
                + "Reorder or reshape in two steps.");
        }

        (_sizes[Rank], _a[Rank], _b[Rank]) = (size, a, b);
        _rank++;
    }

    [InlineArray(MaximumRank)]
    private struct PerAxis
    {
        private long _first;
    }
}
