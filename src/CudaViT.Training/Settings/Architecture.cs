namespace CudaViT.Training.Settings;

/// <summary>Kind of encoder.</summary>
public enum Architecture
{
    /// <summary>Vision Transformer.</summary>
    VisionTransformer,

    /// <summary>ResNet-50; patch, width, depth and everything about tokens have no meaning for it.</summary>
    ResNet50,
}
