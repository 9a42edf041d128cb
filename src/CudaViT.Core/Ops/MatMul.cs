namespace CudaViT.Core;

/// <summary>Multiplies matrices, or batches of them, either operand transposed or not.</summary>
/// <remarks>
/// Y = A′·B′, where A′ is A or Aᵀ and B′ is B or Bᵀ, over the last two axes. With dY the gradients are dA′ = dY·B′ᵀ and
/// dB′ = A′ᵀ·dY, formed as products of their own without transposing anything in memory.
/// </remarks>
public sealed class MatMul : Operation
{
    private readonly NdArray _a;
    private readonly NdArray _b;
    private readonly bool _transposeA;
    private readonly bool _transposeB;
    private readonly Shape _shapeOfA;

    private MatMul(Tensor a, Tensor b, NdArray aData, bool transposeA, bool transposeB)
        : base(inputs: [a, b], saved: [aData, b.Data]) =>
        (_a, _b, _transposeA, _transposeB, _shapeOfA) = (aData, b.Data, transposeA, transposeB, a.Shape);

    /// <summary>Multiplies <paramref name="a"/> by <paramref name="b"/> and records the step on the tape.</summary>
    /// <param name="a">[..., M, K], or [..., K, M] to be transposed; F64, F32 or BF16.</param>
    /// <param name="b">
    /// [..., K, N], or [..., N, K] to be transposed, with the leading axes of <paramref name="a"/>; or a single matrix,
    /// which multiplies every matrix of <paramref name="a"/> when that is not transposed.
    /// </param>
    /// <param name="transposeA">Whether to exchange the last two axes of <paramref name="a"/>.</param>
    /// <param name="transposeB">Whether to exchange the last two axes of <paramref name="b"/>.</param>
    /// <returns>[..., M, N].</returns>
    /// <exception cref="ArgumentException">Shapes, types or devices do not fit.</exception>
    public static Tensor Apply(Tensor a, Tensor b, bool transposeA = false, bool transposeB = false)
    {
        Require.Float(a, nameof(MatMul), nameof(a));
        Require.SameKind(b, a, nameof(MatMul), nameof(b));
        CheckShapes(a.Shape, b.Shape, transposeA, transposeB);

        // A single matrix b sees the rows of all matrices of a as those of one tall matrix.
        bool isTall = a.Shape.Rank > 2 && b.Shape.Rank == 2;
        NdArray left = isTall ? a.Data.Reshape((int)(a.Data.Count / Math.Max(1, a.Shape[^1])), a.Shape[^1]) : a.Data;
        NdArray y = a.Backend.MatMul(left, b.Data, transposeA, transposeB);
        return Tape.Record(
            isTall ? y.Reshape(a.Shape.With(-1, y.Shape[^1])) : y, new MatMul(a, b, left, transposeA, transposeB));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy)
    {
        if (_a.Shape.Rank == 2)
        {
            dy = dy.Reshape(_a.Shape[_transposeA ? 1 : 0], dy.Shape[^1]);
        }

        return
        [
            NeedsGradient(0) ? GradientOfA(dy).Reshape(_shapeOfA) : null,
            NeedsGradient(1) ? GradientOfB(dy) : null,
        ];
    }

    private NdArray GradientOfA(NdArray dy) => _transposeA
        ? dy.Backend.MatMul(_b, dy, _transposeB, transposeB: true)
        : dy.Backend.MatMul(dy, _b, transposeA: false, !_transposeB);

    private NdArray GradientOfB(NdArray dy) => _transposeB
        ? dy.Backend.MatMul(dy, _a, transposeA: true, _transposeA)
        : dy.Backend.MatMul(_a, dy, !_transposeA, transposeB: false);

    private static void CheckShapes(Shape a, Shape b, bool transposeA, bool transposeB)
    {
        if (a.Rank < 2 || b.Rank < 2)
        {
            throw new ArgumentException(
                $"MatMul: operands must be matrices or batches of them, but their shapes are {a} and {b}. Reshape a "
                + "vector to one row or one column.");
        }

        bool isShared = b.Rank == 2 && !(a.Rank > 2 && transposeA);
        if (!isShared && !b.Dimensions[..^2].SequenceEqual(a.Dimensions[..^2]))
        {
            throw new ArgumentException(
                $"MatMul: the leading axes of a {a} and b {b} differ. Make them equal, or let b be a single "
                + "matrix and a not transposed.");
        }

        (int columns, int rows) = (a[transposeA ? ^2 : ^1], b[transposeB ? ^1 : ^2]);
        if (columns != rows)
        {
            throw new ArgumentException(
                $"MatMul: a {a}{(transposeA ? " transposed" : "")} has {columns} columns, but b {b}"
                + $"{(transposeB ? " transposed" : "")} has {rows} rows. They must be equal.");
        }
    }
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.MatMul.Apply"/>
    public Tensor MatMul(Tensor b, bool transposeA = false, bool transposeB = false) =>
        Core.MatMul.Apply(this, b, transposeA, transposeB);
}

public partial interface IBackend
{
    /// <summary>
    /// Returns A′·B′ over the last two axes; the leading axes of <paramref name="a"/> and <paramref name="b"/> are
    /// equal.
    /// </summary>
    NdArray MatMul(NdArray a, NdArray b, bool transposeA, bool transposeB);
}
