namespace CudaViT.Training.Settings;

/// <summary>What tells a Vision Transformer where a token stands.</summary>
public enum PositionTable
{
    /// <summary>Fixed sines and cosines of row and column.</summary>
    SinCos,

    /// <summary>A trained table.</summary>
    Learned,

    /// <summary>Nothing.</summary>
    None,
}
