namespace CudaViT.Core;

/// <summary>Scales every row of a matrix to unit Euclidean length.</summary>
/// <remarks>
/// y[i,j] = x[i,j] / max(n[i], ε), where n[i] = √Σⱼ x[i,j]². With n &gt; ε the gradient is
/// dx[i,j] = (dy[i,j] − y[i,j]·Σₖ dy[i,k]·y[i,k]) / n[i]; otherwise the divisor is a constant and dx = dy / ε.
/// MoCo v3 applies it to queries and keys (arXiv:2104.02057, section 3).
/// </remarks>
public sealed class L2Normalize : Operation
{
    private readonly NdArray _y;     // [N, D], dtype of x
    private readonly NdArray _norm;  // [N], accumulator dtype, not clamped
    private readonly double _epsilon;

    private L2Normalize(Tensor x, NdArray y, NdArray norm, double epsilon)
        : base(inputs: [x], saved: [y, norm]) =>
        (_y, _norm, _epsilon) = (y, norm, epsilon);

    /// <summary>Normalizes <paramref name="x"/> and records the step on the tape.</summary>
    /// <param name="x">[N, D] with D ≥ 1; F64, F32 or BF16.</param>
    /// <param name="epsilon">Smallest divisor, in the units of <paramref name="x"/>; positive.</param>
    /// <returns>[N, D], with the dtype and device of <paramref name="x"/>.</returns>
    /// <exception cref="ArgumentException"><paramref name="x"/> is not a floating-point matrix.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epsilon"/> is zero or negative.</exception>
    public static Tensor Apply(Tensor x, double epsilon = 1e-12)
    {
        Require.FloatMatrix(x, nameof(L2Normalize), "Flatten the leading dimensions first: x.Reshape(-1, D).");
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);

        (NdArray y, NdArray norm) = x.Backend.L2Normalize(x.Data, epsilon);
        return Tape.Record(y, new L2Normalize(x, y, norm, epsilon));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.L2NormalizeBackward(dy, _y, _norm, _epsilon)];
}

public partial interface IBackend
{
    /// <summary>Returns y [N, D] and the row norms n [N], the latter before clamping.</summary>
    (NdArray Y, NdArray Norm) L2Normalize(NdArray x, double epsilon);

    /// <summary>Returns dx [N, D], given dy [N, D] and what the forward pass saved.</summary>
    NdArray L2NormalizeBackward(NdArray dy, NdArray y, NdArray norm, double epsilon);
}
