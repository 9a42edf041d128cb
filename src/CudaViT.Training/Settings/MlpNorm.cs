namespace CudaViT.Training.Settings;

/// <summary>What normalizes the input of a block's MLP.</summary>
public enum MlpNorm
{
    /// <summary>Layer normalization.</summary>
    Layer,

    /// <summary>Batch normalization over samples and tokens (MoCo v3, section 6.3).</summary>
    Batch,
}
