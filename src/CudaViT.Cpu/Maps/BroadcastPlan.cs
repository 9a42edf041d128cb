using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>
/// How to walk two operands that broadcast to a shape. Axes that both operands pass in one go are merged, so equal
/// shapes are one row, a vector added to a matrix is one row per matrix row, and a scalar operand never moves.
/// </summary>
internal sealed class BroadcastPlan
{
    private readonly List<Axis> _outer = []; // innermost first

    /// <summary>Plans a walk.</summary>
    /// <param name="a">Broadcasts to <paramref name="y"/>.</param>
    /// <param name="b">Broadcasts to <paramref name="y"/>.</param>
    /// <param name="y">Shape of the result.</param>
    public BroadcastPlan(Shape a, Shape b, Shape y)
    {
        long strideA = 1;
        long strideB = 1;
        for (int i = 1; i <= y.Rank; i++)
        {
            int sizeA = i <= a.Rank ? a[^i] : 1;
            int sizeB = i <= b.Rank ? b[^i] : 1;
            if (y[^i] != 1)
            {
                Append(new Axis(y[^i], sizeA == 1 ? 0 : strideA, sizeB == 1 ? 0 : strideB));
            }

            strideA *= sizeA;
            strideB *= sizeB;
        }

        Axis row = _outer.Count > 0 ? _outer[0] : new Axis(1, 1, 1);
        RowLength = row.Size;
        (AMoves, BMoves) = (row.A != 0, row.B != 0);
        _outer.RemoveRange(0, Math.Min(1, _outer.Count));
    }

    /// <summary>Elements of the result that are computed in one go.</summary>
    public long RowLength { get; }

    /// <summary>Whether <c>a</c> has an element for each of a row, or one for all.</summary>
    public bool AMoves { get; }

    /// <summary>Whether <c>b</c> has an element for each of a row, or one for all.</summary>
    public bool BMoves { get; }

    /// <summary>Where the operands of a row begin.</summary>
    public (long A, long B) RowStart(long row)
    {
        (long a, long b) = (0, 0);
        foreach (Axis axis in _outer)
        {
            (row, long index) = Math.DivRem(row, axis.Size);
            a += index * axis.A;
            b += index * axis.B;
        }

        return (a, b);
    }

    private void Append(Axis next)
    {
        if (_outer.Count > 0 && _outer[^1] is var last && next.A == last.A * last.Size && next.B == last.B * last.Size)
        {
            _outer[^1] = last with { Size = last.Size * next.Size };
        }
        else
        {
            _outer.Add(next);
        }
    }

    /// <summary>A merged axis: its length and both operands' strides, 0 where one is stretched.</summary>
    private readonly record struct Axis(long Size, long A, long B);
}
