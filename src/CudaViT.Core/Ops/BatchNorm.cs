namespace CudaViT.Core;

/// <summary>Normalizes every channel over the batch, and optionally scales and shifts it.</summary>
/// <remarks>
/// <para>
/// y = w·x̂ + b with x̂ = (x − μ)·r and r = 1 / √(σ² + ε). In training μ and σ² are the mean and the biased variance of
/// the n values that the channel has in the group, and with ḡ the mean of g over them, dx = w·r·(dy − mean(dy) −
/// x̂·mean(dy·x̂)). In evaluation they are the running statistics, which are constants: dx = w·r·dy. Either way
/// dw = Σ dy·x̂ and db = Σ dy.
/// </para>
/// <para>
/// Training moves the running statistics by running ← (1 − m)·running + m·batch, where the batch variance is the
/// unbiased one. Source: Ioffe and Szegedy, arXiv:1502.03167.
/// </para>
/// </remarks>
public sealed class BatchNorm : Operation
{
    private readonly NdArray _x;       // [N, C] or [N, C, H, W]
    private readonly NdArray? _weight; // [C], dtype of x
    private readonly NdArray _mean;    // [groups, C], accumulator dtype
    private readonly NdArray _rstd;    // [groups, C], accumulator dtype
    private readonly bool _training;

    private BatchNorm(
        string name, Tensor x, Tensor? weight, Tensor? bias, NdArray mean, NdArray rstd, bool training)
        : base(inputs: [x, weight, bias], saved: [x.Data, weight?.Data, mean, rstd]) =>
        (Name, _x, _weight, _mean, _rstd, _training) = (name, x.Data, weight?.Data, mean, rstd, training);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <summary>Normalizes the columns of a matrix.</summary>
    /// <param name="x">[N, C] with C ≥ 1; F64, F32 or BF16.</param>
    /// <param name="weight">Scale [C], with the type of <paramref name="x"/>; null for 1.</param>
    /// <param name="bias">Shift [C], with the type of <paramref name="x"/>; null exactly when the scale is.</param>
    /// <param name="statistics">Running statistics, in the accumulator type of <paramref name="x"/>.</param>
    /// <param name="training">Whether to normalize with the batch's own statistics and to update the running
    /// ones.</param>
    /// <param name="momentum">Weight m of a batch in the running statistics, in [0, 1].</param>
    /// <param name="epsilon">Added to the variance; positive.</param>
    /// <param name="groups">
    /// In training, number of equal runs of rows with statistics of their own, as if each were a call of its own, first
    /// rows first.
    /// </param>
    /// <returns>[N, C], with the type of <paramref name="x"/>.</returns>
    /// <exception cref="ArgumentException">
    /// A shape, type or device does not fit, or a group has fewer than two rows.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// Momentum, epsilon or the number of groups is out of range.
    /// </exception>
    public static Tensor Apply(
        Tensor x, Tensor? weight, Tensor? bias, BatchNormStatistics statistics, bool training, double momentum = 0.1,
        double epsilon = 1e-5, int groups = 1)
    {
        Require.FloatMatrix(x, nameof(BatchNorm), "Flatten the leading dimensions first: x.Reshape(-1, C).");
        return Apply(nameof(BatchNorm), x, weight, bias, statistics, training, momentum, epsilon, groups);
    }

    /// <summary>The same for any shape whose axis 1 are the channels.</summary>
    internal static Tensor Apply(
        string name, Tensor x, Tensor? weight, Tensor? bias, BatchNormStatistics statistics, bool training,
        double momentum, double epsilon, int groups)
    {
        Check(name, x, weight, bias, statistics);
        ArgumentOutOfRangeException.ThrowIfNegative(momentum);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(momentum, 1);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(epsilon);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(groups);
        if (training)
        {
            CheckGroups(name, x, groups);
        }

        (NdArray mean, NdArray variance) = (statistics.RunningMean, statistics.RunningVariance);
        (NdArray y, NdArray usedMean, NdArray rstd) = training
            ? x.Backend.BatchNormTraining(x.Data, weight?.Data, bias?.Data, mean, variance, momentum, epsilon, groups)
            : x.Backend.BatchNormEvaluation(x.Data, weight?.Data, bias?.Data, mean, variance, epsilon);
        if (training)
        {
            mean.Storage.MarkChanged();
            variance.Storage.MarkChanged();
            statistics.BatchCount += groups;
        }

        return Tape.Record(y, new BatchNorm(name, x, weight, bias, usedMean, rstd, training));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy)
    {
        bool forParameters = NeedsGradient(1) || NeedsGradient(2);
        (NdArray? dx, NdArray? dWeight, NdArray? dBias) = dy.Backend.BatchNormBackward(
            dy, _x, _weight, _mean, _rstd, _training, forX: NeedsGradient(0), forParameters);
        return [dx, dWeight, dBias];
    }

    private static void Check(string name, Tensor x, Tensor? weight, Tensor? bias, BatchNormStatistics statistics)
    {
        Shape channels = [x.Shape[1]];
        if (weight is null != bias is null)
        {
            throw new ArgumentException(
                $"{name}: weight and bias come together, but only the {(weight is null ? "bias" : "weight")} was "
                + "given.");
        }

        if (weight is not null && bias is not null)
        {
            Require.Like(weight, channels, x, name, nameof(weight));
            Require.Like(bias, channels, x, name, nameof(bias));
        }

        ArgumentNullException.ThrowIfNull(statistics);
        NdArray mean = statistics.RunningMean;
        if (mean.Shape != channels || mean.DType != x.DType.Accumulator() || mean.Backend != x.Backend)
        {
            throw new ArgumentException(
                $"{name}: the running statistics of {x.Description} must be {x.DType.Accumulator()}{channels} on "
                + $"{x.Backend.Name}, but they are {mean.Description}.");
        }
    }

    private static void CheckGroups(string name, Tensor x, int groups)
    {
        int rows = x.Shape[0];
        if (rows % groups != 0)
        {
            throw new ArgumentException($"{name}: {rows} rows do not divide into {groups} groups.");
        }

        long values = rows / groups * x.Shape.CountFrom(2);
        if (values < 2)
        {
            throw new ArgumentException(
                $"{name}: training needs at least two values per channel, but {x.Shape} in {groups} group(s) has "
                + $"{values}. Use a larger batch, or training: false.");
        }
    }
}

public partial interface IBackend
{
    /// <summary>
    /// Normalizes x [N, C, ...] over groups of rows and updates the running statistics, group after group.
    /// </summary>
    /// <returns>y like x; mean and 1 / √(biased variance + ε), both [groups, C].</returns>
    (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormTraining(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double momentum,
        double epsilon, int groups);

    /// <summary>Normalizes x [N, C, ...] with the running statistics.</summary>
    /// <returns>y like x; a copy of the mean and 1 / √(variance + ε), both [1, C].</returns>
    (NdArray Y, NdArray Mean, NdArray Rstd) BatchNormEvaluation(
        NdArray x, NdArray? weight, NdArray? bias, NdArray runningMean, NdArray runningVariance, double epsilon);

    /// <summary>Gradients of either form, given dy and what the forward pass saved.</summary>
    /// <returns>dx like x; dWeight and dBias [C]; null for what was not asked for.</returns>
    (NdArray? Dx, NdArray? DWeight, NdArray? DBias) BatchNormBackward(
        NdArray dy, NdArray x, NdArray? weight, NdArray mean, NdArray rstd, bool training, bool forX,
        bool forParameters);
}
