namespace CudaViT.Training.Settings;

/// <summary>How a Vision Transformer turns an image into tokens.</summary>
public enum Stem
{
    /// <summary>Cut into patches, one linear layer.</summary>
    Patch,

    /// <summary>
    /// Four strided 3×3 convolutions and one of 1×1, as in the reference implementation's later variants.
    /// </summary>
    Convolution,
}
