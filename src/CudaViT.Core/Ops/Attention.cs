namespace CudaViT.Core;

/// <summary>Multi-head self-attention on packed queries, keys and values.</summary>
/// <remarks>
/// Per sample and head, with head width Dh: S = scale·Q·Kᵀ, P = softmax of the rows of S, Y = P·V (Vaswani et al.,
/// arXiv:1706.03762, section 3.2). Saved are Y and, per row, L = log Σ exp S; the backward pass forms P = exp(S − L)
/// again, a block of rows at a time, so nothing of size T × T is ever kept (Dao et al., arXiv:2205.14135). Its
/// gradients are dV = Pᵀ·dY, dP = dY·Vᵀ, dS = P∘(dP − rowsum(dY∘Y)), dQ = scale·dS·K and dK = scale·dSᵀ·Q.
/// </remarks>
public sealed class Attention : Operation
{
    private readonly NdArray _qkv;        // [B, T, 3·D]
    private readonly NdArray _y;          // [B, T, D]
    private readonly NdArray _logSumExp;  // [B, H, T], accumulator dtype
    private readonly int _heads;
    private readonly double _scale;

    private Attention(Tensor qkv, NdArray y, NdArray logSumExp, int heads, double scale)
        : base(inputs: [qkv], saved: [qkv.Data, y, logSumExp]) =>
        (_qkv, _y, _logSumExp, _heads, _scale) = (qkv.Data, y, logSumExp, heads, scale);

    /// <summary>Lets every token attend to all tokens of its sample, and records the step on the tape.</summary>
    /// <param name="qkv">
    /// [B, T, 3·D] with D = H·Dh; F64, F32 or BF16. The last axis is [3, H, Dh]: queries of all heads, then keys, then
    /// values.
    /// </param>
    /// <param name="heads">Number of heads H, at least 1.</param>
    /// <param name="scale">Factor of the scores; null for 1 / √Dh.</param>
    /// <returns>[B, T, D]: the heads' results side by side.</returns>
    /// <exception cref="ArgumentException">The shape does not split into three times so many heads.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There are no heads, or the scale is not finite.</exception>
    public static Tensor Apply(Tensor qkv, int heads, double? scale = null) =>
        Apply(qkv, heads, scale, withProbabilities: false).Output;

    /// <summary><see cref="Apply(Tensor, int, double?)"/> that also shows where each token looked.</summary>
    /// <inheritdoc cref="Apply(Tensor, int, double?)"/>
    /// <returns>The result [B, T, D], and P [B, H, T, T], through which no gradient flows.</returns>
    public static (Tensor Output, NdArray Probabilities) ApplyWithProbabilities(
        Tensor qkv, int heads, double? scale = null)
    {
        (Tensor output, NdArray? probabilities) = Apply(qkv, heads, scale, withProbabilities: true);
        return (output, probabilities!);
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.AttentionBackward(dy, _qkv, _y, _logSumExp, _heads, _scale)];

    private static (Tensor Output, NdArray? Probabilities) Apply(
        Tensor qkv, int heads, double? scale, bool withProbabilities)
    {
        Require.Float(qkv, nameof(Attention), nameof(qkv));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(heads);
        if (qkv.Shape.Rank != 3 || qkv.Shape[2] == 0 || qkv.Shape[2] % (3 * heads) != 0)
        {
            throw new ArgumentException(
                $"Attention: qkv must be [B, T, 3 * D] with D a multiple of the {heads} heads, but its shape is "
                + $"{qkv.Shape}.");
        }

        double factor = scale ?? 1 / Math.Sqrt(qkv.Shape[2] / 3 / heads);
        if (!double.IsFinite(factor))
        {
            throw new ArgumentOutOfRangeException(nameof(scale), factor, "Attention: the scale must be finite.");
        }

        (NdArray y, NdArray logSumExp, NdArray? probabilities) =
            qkv.Backend.Attention(qkv.Data, heads, factor, withProbabilities);
        return (Tape.Record(y, new Attention(qkv, y, logSumExp, heads, factor)), probabilities);
    }
}

public partial interface IBackend
{
    /// <summary>
    /// Returns y [B, T, D], the logarithms of the sums of exponentials of the scores [B, H, T] in the accumulator's
    /// type, and, if asked for, the probabilities [B, H, T, T].
    /// </summary>
    (NdArray Y, NdArray LogSumExp, NdArray? Probabilities) Attention(
        NdArray qkv, int heads, double scale, bool withProbabilities);

    /// <summary>Returns dqkv [B, T, 3·D], given dy [B, T, D] and what the forward pass saved.</summary>
    NdArray AttentionBackward(NdArray dy, NdArray qkv, NdArray y, NdArray logSumExp, int heads, double scale);
}
