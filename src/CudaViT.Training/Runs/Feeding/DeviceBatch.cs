using CudaViT.Core;

namespace CudaViT.Training.Runs;

/// <summary>A training batch on a device. The <see cref="IBatchFeed"/> it came from owns it.</summary>
public abstract class DeviceBatch
{
    /// <summary>Epoch, from 0.</summary>
    public abstract int Epoch { get; }

    /// <summary>Position of the batch in its epoch, from 0.</summary>
    public abstract int Iteration { get; }

    /// <summary>Class of each sample; -1 without labels.</summary>
    public abstract ReadOnlySpan<int> Labels { get; }

    /// <summary>Makes the two views. Call it once; the step scope of the caller owns the result.</summary>
    /// <returns>Each [B, channels, H, W], standardized, in the type of the activations.</returns>
    public abstract (Tensor First, Tensor Second) Views();
}
