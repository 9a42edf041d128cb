namespace CudaViT.Core;

/// <summary>A linear layer with what usually follows it: bias, then GELU or the addition of a residual.</summary>
/// <remarks>
/// z = x·Wᵀ + bias; y = z, or z·Φ(z) with the normal distribution function Φ (GELU, arXiv:1606.08415, exact form), or
/// z + residual. With dz = dy, or dy·(Φ(z) + z·φ(z)) behind a GELU, the gradients are dx = dz·W, dW = dzᵀ·x,
/// dbias = Σ_rows dz and dresidual = dy.
/// </remarks>
public sealed class Linear : Operation
{
    private readonly NdArray _x;                // [..., in]
    private readonly NdArray _weight;           // [out, in]
    private readonly NdArray? _preActivation;   // z [..., out], only behind a GELU

    private Linear(Tensor x, Tensor weight, Tensor? bias, Tensor? residual, NdArray? preActivation)
        : base(inputs: [x, weight, bias, residual], saved: [x.Data, weight.Data, preActivation]) =>
        (_x, _weight, _preActivation) = (x.Data, weight.Data, preActivation);

    /// <summary>Computes the layer and records the step on the tape.</summary>
    /// <param name="x">[..., in] with in ≥ 1; F64, F32 or BF16.</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="bias">[out], or null for none.</param>
    /// <param name="residual">[..., out], added to the result; null for none. Excludes <paramref name="gelu"/>.</param>
    /// <param name="gelu">Whether GELU follows the bias.</param>
    /// <returns>[..., out].</returns>
    /// <exception cref="ArgumentException">
    /// Shapes, types or devices do not fit, or both a residual and GELU are asked for.
    /// </exception>
    public static Tensor Apply(
        Tensor x, Tensor weight, Tensor? bias = null, Tensor? residual = null, bool gelu = false)
    {
        Require.FloatRows(x, nameof(Linear));
        Require.SameKind(weight, x, nameof(Linear), nameof(weight));
        if (weight.Shape.Rank != 2 || weight.Shape[1] != x.Shape[^1])
        {
            throw new ArgumentException(
                $"Linear: weight must be [out, {x.Shape[^1]}] for x {x.Shape}, but its shape is {weight.Shape}.");
        }

        Shape shape = x.Shape.With(-1, weight.Shape[0]);
        if (bias is not null)
        {
            Require.Like(bias, [weight.Shape[0]], x, nameof(Linear), nameof(bias));
        }

        if (residual is not null)
        {
            Require.Like(residual, shape, x, nameof(Linear), nameof(residual));
            if (gelu)
            {
                throw new ArgumentException(
                    "Linear: a residual and GELU exclude each other. Add the residual to the result: "
                    + "Linear.Apply(...) + residual.");
            }
        }

        bool keepsPreActivation = gelu && Tape.WillRecord(x, weight, bias);
        (NdArray y, NdArray? preActivation) =
            x.Backend.Linear(x.Data, weight.Data, bias?.Data, residual?.Data, gelu, keepsPreActivation);
        return Tape.Record(y, new Linear(x, weight, bias, residual, preActivation));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy)
    {
        (NdArray? dx, NdArray? dWeight, NdArray? dBias) = dy.Backend.LinearBackward(
            dy, _x, _weight, _preActivation, NeedsGradient(0), NeedsGradient(1), NeedsGradient(2));
        return [dx, dWeight, dBias, dy];
    }
}

public partial interface IBackend
{
    /// <summary>Returns y [..., out] and, if asked for, what went into GELU.</summary>
    (NdArray Y, NdArray? PreActivation) Linear(
        NdArray x, NdArray weight, NdArray? bias, NdArray? residual, bool gelu, bool keepsPreActivation);

    /// <summary>Returns those of dx [..., in], dweight [out, in] and dbias [out] that are needed.</summary>
    /// <param name="dy">[..., out].</param>
    /// <param name="x">[..., in].</param>
    /// <param name="weight">[out, in].</param>
    /// <param name="preActivation">What went into GELU; null where there was none.</param>
    /// <param name="needsDx">Whether dx is needed.</param>
    /// <param name="needsDWeight">Whether dweight is needed.</param>
    /// <param name="needsDBias">Whether dbias is needed.</param>
    (NdArray? Dx, NdArray? DWeight, NdArray? DBias) LinearBackward(
        NdArray dy, NdArray x, NdArray weight, NdArray? preActivation, bool needsDx, bool needsDWeight,
        bool needsDBias);
}
