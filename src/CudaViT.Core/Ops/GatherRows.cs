namespace CudaViT.Core;

/// <summary>Picks rows by index: y[m] = x[indices[m]].</summary>
/// <remarks>
/// dx[n] is the sum of dy[m] over all m with indices[m] = n, added in the order of m; rows that nobody picked get 0.
/// </remarks>
public sealed class GatherRows : Operation
{
    private readonly NdArray _indices; // [M], I32 or I64
    private readonly int _rows;

    private GatherRows(Tensor x, NdArray indices)
        : base(inputs: [x], saved: [indices]) => (_indices, _rows) = (indices, x.Shape[0]);

    /// <summary>Picks rows of <paramref name="x"/>, each as often as its index appears.</summary>
    /// <param name="x">[N, …]; F64, F32 or BF16.</param>
    /// <param name="indices">[M], I32 or I64, each in [0, N).</param>
    /// <returns>[M, …].</returns>
    /// <exception cref="ArgumentException">
    /// Shapes, types or devices do not go together, or an index has no row.
    /// </exception>
    public static Tensor Apply(Tensor x, NdArray indices)
    {
        Require.Float(x, nameof(GatherRows));
        ArgumentNullException.ThrowIfNull(indices);
        if (x.Shape.Rank == 0)
        {
            throw new ArgumentException("GatherRows: x must have rows, but it is a scalar. Reshape it to [1].");
        }

        if (indices.Shape.Rank != 1 || indices.DType is not (DType.I32 or DType.I64) || indices.Backend != x.Backend)
        {
            throw new ArgumentException(
                $"GatherRows: indices must be a vector of I32 or I64 on {x.Backend.Name}, but they are "
                + $"{indices.Description}.");
        }

        return Tape.Record(x.Backend.GatherRows(x.Data, indices), new GatherRows(x, indices));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.GatherRowsBackward(dy, _indices, _rows)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.GatherRows.Apply"/>
    public Tensor GatherRows(NdArray indices) => Core.GatherRows.Apply(this, indices);
}

public partial interface IBackend
{
    /// <summary>Returns y [M, …] with y[m] = x[indices[m]].</summary>
    /// <exception cref="ArgumentException">An index has no row (where the device can tell).</exception>
    NdArray GatherRows(NdArray x, NdArray indices);

    /// <summary>
    /// Returns dx with <paramref name="rows"/> rows: dy[m] added to row indices[m], in the order of m.
    /// </summary>
    NdArray GatherRowsBackward(NdArray dy, NdArray indices, int rows);
}
