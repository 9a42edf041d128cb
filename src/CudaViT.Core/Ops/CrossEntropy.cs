namespace CudaViT.Core;

/// <summary>Mean cross entropy of class labels under the softmax of logits.</summary>
/// <remarks>
/// The target of row i is t[i,c] = (1 − s)·[c = label[i]] + s / C with label smoothing s (Szegedy et al.,
/// arXiv:1512.00567, section 7). loss = 1/N · Σᵢ (logΣexp(x[i]) − Σ_c t[i,c]·x[i,c]), with the row's maximum taken out
/// of the exponentials; dx = (softmax(x) − t) / N.
/// </remarks>
public sealed class CrossEntropy : Operation
{
    private readonly NdArray _logits; // [N, C]
    private readonly NdArray _labels; // [N], I32 or I64
    private readonly NdArray _logSum; // [N], accumulator dtype; of the exponentials after the maximum is taken out
    private readonly double _labelSmoothing;

    private CrossEntropy(Tensor logits, NdArray labels, NdArray logSum, double labelSmoothing)
        : base(inputs: [logits], saved: [logits.Data, labels, logSum]) =>
        (_logits, _labels, _logSum, _labelSmoothing) = (logits.Data, labels, logSum, labelSmoothing);

    /// <summary>Computes the mean loss over all rows.</summary>
    /// <param name="logits">[N, C] with N ≥ 1 and C ≥ 1; F64, F32 or BF16.</param>
    /// <param name="labels">[N] class numbers in [0, C); I32 or I64. They are read on the host to be checked.</param>
    /// <param name="labelSmoothing">Share s of the target that is spread over all classes, in [0, 1).</param>
    /// <returns>A scalar of the logits' accumulator type: F32 for BF16.</returns>
    /// <exception cref="ArgumentException">A shape, type or device does not fit, or a label is no class.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="labelSmoothing"/> is not in [0, 1).</exception>
    public static Tensor Apply(Tensor logits, NdArray labels, double labelSmoothing = 0)
    {
        Require.FloatMatrix(
            logits, nameof(CrossEntropy), "Flatten the leading dimensions first: x.Reshape(-1, C).", "logits");
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentOutOfRangeException.ThrowIfNegative(labelSmoothing);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(labelSmoothing, 1);
        CheckLabels(logits, labels);

        (NdArray loss, NdArray logSum) = logits.Backend.CrossEntropy(logits.Data, labels, labelSmoothing);
        return Tape.Record(loss, new CrossEntropy(logits, labels, logSum, labelSmoothing));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.CrossEntropyBackward(dy, _logits, _labels, _logSum, _labelSmoothing)];

    private static void CheckLabels(Tensor logits, NdArray labels)
    {
        (int rows, int classes) = (logits.Shape[0], logits.Shape[1]);
        if (rows == 0)
        {
            throw new ArgumentException(
                $"CrossEntropy: a mean needs at least one row, but the logits are {logits.Shape}.");
        }

        if (labels.DType is not (DType.I32 or DType.I64) || labels.Shape.Rank != 1
            || labels.Shape[0] != rows || labels.Backend != logits.Backend)
        {
            throw new ArgumentException(
                $"CrossEntropy: the labels of logits {logits.Data.Description} must be I32[{rows}] or I64[{rows}] on "
                + $"the same device, but they are {labels.Description}.");
        }

        double[] values = labels.ToDoubles();
        int wrong = Array.FindIndex(values, label => label < 0 || label >= classes);
        if (wrong >= 0)
        {
            throw new ArgumentException(
                $"CrossEntropy: label {values[wrong]} in row {wrong} is no class; with logits {logits.Shape} the "
                + $"classes are 0 to {classes - 1}. Correct the labels, or widen the last layer.");
        }
    }
}

public partial interface IBackend
{
    /// <summary>
    /// Returns the mean loss [] and, of every row, log Σ exp(x − max x) [N], both in the accumulator type.
    /// </summary>
    (NdArray Loss, NdArray LogSum) CrossEntropy(NdArray logits, NdArray labels, double labelSmoothing);

    /// <summary>Returns the gradient by the logits, given dy [] in the accumulator type.</summary>
    NdArray CrossEntropyBackward(NdArray dy, NdArray logits, NdArray labels, NdArray logSum, double labelSmoothing);
}
