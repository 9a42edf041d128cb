namespace CudaViT.Training.Settings;

/// <summary>What a Vision Transformer returns.</summary>
public enum Pooling
{
    /// <summary>The class token after the final norm.</summary>
    ClassToken,

    /// <summary>No class token; the mean of the tokens after the final norm.</summary>
    NormThenMean,

    /// <summary>No class token, no final norm; the mean of the tokens.</summary>
    Mean,
}
