namespace CudaViT.Core;

/// <summary>Gives every row zero mean and unit variance, then scales and shifts each column.</summary>
/// <remarks>
/// With D = width of a row: μ = Σⱼ x[j] / D, r = 1 / √(Σⱼ (x[j] − μ)² / D + ε), x̂ = (x − μ)·r, y = x̂·weight + bias.
/// With g = dy·weight, the gradients are dx = r·(g − mean(g) − x̂·mean(g·x̂)), dweight = Σ_rows dy·x̂ and
/// dbias = Σ_rows dy. Rows whose squares overflow, in float32 from about 1e19 on, are scaled before they are squared.
/// Ba, Kiros and Hinton, "Layer Normalization", arXiv:1607.06450.
/// </remarks>
public sealed class LayerNorm : Operation
{
    private readonly NdArray _x;        // [..., D]
    private readonly NdArray? _weight;  // [D]
    private readonly NdArray _mean;     // one per row, accumulator dtype
    private readonly NdArray _rstd;     // one per row, accumulator dtype

    private LayerNorm(Tensor x, Tensor? weight, Tensor? bias, NdArray mean, NdArray rstd)
        : base(inputs: [x, weight, bias], saved: [x.Data, weight?.Data, mean, rstd]) =>
        (_x, _weight, _mean, _rstd) = (x.Data, weight?.Data, mean, rstd);

    /// <summary>Normalizes the rows of <paramref name="x"/> and records the step on the tape.</summary>
    /// <param name="x">[..., D] with D ≥ 1; F64, F32 or BF16. Rows run along the last axis.</param>
    /// <param name="weight">[D], the type of <paramref name="x"/>; null for ones, if the bias is null too.</param>
    /// <param name="bias">[D], the type of <paramref name="x"/>; null for zeros, if the weight is null too.</param>
    /// <param name="epsilon">Added to the variance, in the squared units of <paramref name="x"/>; positive.</param>
    /// <returns>The shape, dtype and device of <paramref name="x"/>.</returns>
    /// <exception cref="ArgumentException">
    /// Shapes, types or devices do not fit, or only one of weight and bias is given.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epsilon"/> is zero or negative.</exception>
    public static Tensor Apply(Tensor x, Tensor? weight = null, Tensor? bias = null, double epsilon = 1e-6)
    {
        Require.FloatRows(x, nameof(LayerNorm));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        if ((weight is null) != (bias is null))
        {
            throw new ArgumentException(
                "LayerNorm: only one of weight and bias is given. Pass both or neither.");
        }

        if (weight is not null && bias is not null)
        {
            Require.Like(weight, [x.Shape[^1]], x, nameof(LayerNorm), nameof(weight));
            Require.Like(bias, [x.Shape[^1]], x, nameof(LayerNorm), nameof(bias));
        }

        (NdArray y, NdArray mean, NdArray rstd) = x.Backend.LayerNorm(x.Data, weight?.Data, bias?.Data, epsilon);
        return Tape.Record(y, new LayerNorm(x, weight, bias, mean, rstd));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy)
    {
        (NdArray dx, NdArray? dWeight, NdArray? dBias) = dy.Backend.LayerNormBackward(dy, _x, _weight, _mean, _rstd);
        return [dx, dWeight, dBias];
    }
}

public partial interface IBackend
{
    /// <summary>
    /// Returns y, and per row the mean and 1 / √(variance + ε), in the accumulator's type, [x.Count / D].
    /// </summary>
    (NdArray Y, NdArray Mean, NdArray Rstd) LayerNorm(NdArray x, NdArray? weight, NdArray? bias, double epsilon);

    /// <summary>Returns dx and, where there is a weight, dweight [D] and dbias [D].</summary>
    (NdArray Dx, NdArray? DWeight, NdArray? DBias) LayerNormBackward(
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd);
}
