using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>
/// Batch normalization, ε = 10⁻⁵: of the last axis of rows and tokens, or of the channels of images. Keeps running
/// statistics, which move by a tenth per batch, and the number of batches.
/// </summary>
public sealed class BatchNormLayer : NormLayer
{
    private const double Epsilon = 1e-5;
    private const double Momentum = 0.1;

    private readonly int _channels;
    private readonly Parameter? _weight;
    private readonly Parameter? _bias;
    private BatchNormStatistics? _statistics;

    /// <summary>Declares the parameters.</summary>
    /// <param name="channels">Number of channels C.</param>
    /// <param name="weight">Initial scale; null for a layer without scale and shift.</param>
    public BatchNormLayer(int channels, Initializer? weight)
    {
        _channels = channels;
        if (weight is not null)
        {
            _weight = AddParameter("weight", [channels], weight);
            _bias = AddParameter("bias", [channels], Initializers.Zeros);
        }
    }

    private BatchNormStatistics Statistics => _statistics ?? throw new InvalidOperationException(
        $"The running statistics of {Path} have no values yet. Call Initialize on the outermost module first.");

    /// <summary>Normalizes; in training by the batch's own statistics, in evaluation by the running ones.</summary>
    /// <param name="x">[N, C], [B, T, C] or [N, C, H, W].</param>
    /// <param name="groups">In training, number of equal runs of samples with statistics of their own.</param>
    public override Tensor Forward(Tensor x, int groups = 1)
    {
        ArgumentNullException.ThrowIfNull(x);
        (Tensor? weight, Tensor? bias) = (_weight?.As(x.DType), _bias?.As(x.DType));
        if (x.Shape.Rank == 4)
        {
            return BatchNorm2d.Apply(x, weight, bias, Statistics, IsTraining, Momentum, Epsilon, groups);
        }

        Tensor rows = x.Reshape(-1, _channels);
        return BatchNorm.Apply(rows, weight, bias, Statistics, IsTraining, Momentum, Epsilon, groups)
            .Reshape(x.Shape.Dimensions);
    }

    private protected override void InitializeBuffers(IBackend backend, DType dtype)
    {
        using var role = new MemoryRoleScope(MemoryRole.Parameters);
        _statistics = new BatchNormStatistics(backend, _channels, dtype);
    }

    private protected override IEnumerable<StateEntry> BufferEntries(string prefix) =>
    [
        new($"{prefix}running_mean", [_channels]),
        new($"{prefix}running_var", [_channels]),
        new($"{prefix}num_batches_tracked", []),
    ];

    private protected override IEnumerable<StateSlot> Buffers(string prefix)
    {
        BatchNormStatistics statistics = Statistics;
        IBackend backend = statistics.RunningMean.Backend;
        yield return StateSlot.Of($"{prefix}running_mean", statistics.RunningMean);
        yield return StateSlot.Of($"{prefix}running_var", statistics.RunningVariance);
        yield return StateSlot.Of(
            $"{prefix}num_batches_tracked",
            backend,
            () => statistics.BatchCount,
            count => statistics.BatchCount = count);
    }
}
