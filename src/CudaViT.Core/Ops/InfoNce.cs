namespace CudaViT.Core;

/// <summary>
/// The contrastive loss of MoCo v3: each query is to be found among all keys by its cosine similarity.
/// </summary>
/// <remarks>
/// <para>
/// With q̂ and k̂ of unit length, s[i,j] = q̂ᵢ·k̂ⱼ / τ and the positive key p(i) = i + offset of query i,
/// loss = 2τ · 1/n · Σᵢ (logΣⱼexp s[i,j] − s[i,p(i)]). The gradient by q̂ᵢ is 2/n · (Σⱼ softmax(s)[i,j]·k̂ⱼ − k̂_p(i)):
/// τ cancels. It goes on through the normalization of the queries; keys are constants.
/// </para>
/// <para>
/// The n × m logits are never kept: both passes form them tile by tile. Source: Chen, Xie and He, arXiv:2104.02057,
/// algorithm 1; the running log-sum-exp is that of Milakov and Gimelshein, arXiv:1805.02867.
/// </para>
/// </remarks>
public sealed class InfoNce : Operation
{
    /// <summary>Smallest length of a query or key to divide by.</summary>
    public const double Epsilon = 1e-12;

    private readonly NdArray _q;         // [n, d]
    private readonly NdArray _k;         // [m, d]
    private readonly NdArray _logSumExp; // [n], accumulator dtype
    private readonly DType _dtype;       // of the queries; q and k are wider where the sums were asked to be
    private readonly double _temperature;
    private readonly int _positiveOffset;

    private InfoNce(
        Tensor queries, NdArray q, NdArray k, NdArray logSumExp, double temperature, int positiveOffset)
        : base(inputs: [queries], saved: [q, k, logSumExp])
    {
        (_q, _k, _logSumExp) = (q, k, logSumExp);
        (_dtype, _temperature, _positiveOffset) = (queries.DType, temperature, positiveOffset);
    }

    /// <summary>Computes the loss of a batch of queries.</summary>
    /// <param name="q">Queries [n, d], of any length; F64, F32 or BF16.</param>
    /// <param name="k">Keys [m, d], of any length, with the type of <paramref name="q"/>. No gradient goes to
    /// them.</param>
    /// <param name="temperature">τ, positive.</param>
    /// <param name="positiveOffset">
    /// Key of the first query; query i belongs to key i + offset. Not zero where other processes' keys come first.
    /// </param>
    /// <param name="doubleAccumulation">Compute in F64 whatever the type of the operands is.</param>
    /// <returns>
    /// A scalar of the queries' accumulator type: F32 for BF16, whose products and sums are formed in F32.
    /// </returns>
    /// <exception cref="ArgumentException">
    /// A shape, type or device does not fit, there is no query, or a query has no positive key.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="temperature"/> is not positive, or <paramref name="positiveOffset"/> is negative.
    /// </exception>
    public static Tensor Apply(
        Tensor q, NdArray k, double temperature, int positiveOffset = 0, bool doubleAccumulation = false)
    {
        ArgumentNullException.ThrowIfNull(k);
        return Apply(q, new Tensor(k), temperature, positiveOffset, doubleAccumulation);
    }

    /// <inheritdoc cref="Apply(Tensor, NdArray, double, int, bool)"/>
    public static Tensor Apply(
        Tensor q, Tensor k, double temperature, int positiveOffset = 0, bool doubleAccumulation = false)
    {
        Check(q, k, positiveOffset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(temperature);
        ArgumentOutOfRangeException.ThrowIfNegative(positiveOffset);

        IBackend backend = q.Backend;
        DType operands = doubleAccumulation ? DType.F64 : q.DType;
        (NdArray queries, NdArray keys) = (q.Data.Cast(operands), k.Data.Cast(operands));
        (NdArray loss, NdArray logSumExp) = backend.InfoNce(queries, keys, temperature, positiveOffset);
        return Tape.Record(
            loss.Cast(q.DType.Accumulator()),
            new InfoNce(q, queries, keys, logSumExp, temperature, positiveOffset));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy)
    {
        NdArray dq = dy.Backend.InfoNceBackward(
            dy.Cast(_logSumExp.DType), _q, _k, _logSumExp, _temperature, _positiveOffset);
        return [dq.Cast(_dtype)];
    }

    private static void Check(Tensor q, Tensor k, int positiveOffset)
    {
        Require.FloatMatrix(q, nameof(InfoNce), "Queries are the rows of a matrix.", nameof(q));
        Require.FloatMatrix(k, nameof(InfoNce), "Keys are the rows of a matrix.", nameof(k));
        Require.SameKind(k, q, nameof(InfoNce), nameof(k));
        if (k.RequiresGrad)
        {
            throw new ArgumentException(
                "InfoNce: no gradient goes to the keys, but k requires one. Compute the keys inside NoGrad, or pass "
                + "k.Detach().");
        }

        if (q.Shape[1] != k.Shape[1])
        {
            throw new ArgumentException($"InfoNce: q {q.Shape} and k {k.Shape} must have rows of equal length.");
        }

        if (q.Shape[0] == 0 || (long)q.Shape[0] + positiveOffset > k.Shape[0])
        {
            throw new ArgumentException(
                $"InfoNce: {q.Shape[0]} queries with positiveOffset {positiveOffset} need keys {positiveOffset} to "
                + $"{(long)q.Shape[0] + positiveOffset - 1} and at least one query, but there are {k.Shape[0]} keys.");
        }
    }
}

public partial interface IBackend
{
    /// <summary>
    /// Returns the loss [] and logΣexp of each query's similarities over τ [n], both in the accumulator type, for q [n,
    /// d] and k [m, d] with rows of any length.
    /// </summary>
    (NdArray Loss, NdArray LogSumExp) InfoNce(NdArray q, NdArray k, double temperature, int positiveOffset);

    /// <summary>Returns the gradient by the queries [n, d], given dy [] in the accumulator type.</summary>
    NdArray InfoNceBackward(
        NdArray dy, NdArray q, NdArray k, NdArray logSumExp, double temperature, int positiveOffset);
}
