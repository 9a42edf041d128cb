namespace CudaViT.Core;

/// <summary>
/// What a batch normalization remembers of the batches it was trained on: the running averages that it normalizes with
/// in evaluation. Training updates them in place.
/// </summary>
public sealed class BatchNormStatistics
{
    /// <summary>Statistics of no batch yet: mean 0, variance 1.</summary>
    /// <param name="backend">Device that keeps them.</param>
    /// <param name="channels">Number of channels C.</param>
    /// <param name="dtype">Type of the inputs; the statistics have its accumulator type.</param>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="channels"/> is not positive, or <paramref name="dtype"/> is an integer type.
    /// </exception>
    public BatchNormStatistics(IBackend backend, int channels, DType dtype = DType.F32)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        RunningMean = NdArray.Zeros(backend, [channels], dtype.Accumulator());
        RunningVariance = NdArray.Full(backend, [channels], dtype.Accumulator(), 1);
    }

    /// <summary>Running mean [C].</summary>
    public NdArray RunningMean { get; }

    /// <summary>Running unbiased variance [C].</summary>
    public NdArray RunningVariance { get; }

    /// <summary>Number of batches that went into the averages; several groups of one call count as several.</summary>
    public long BatchCount { get; set; }

    /// <summary>Number of channels C.</summary>
    public int Channels => RunningMean.Shape[0];
}
