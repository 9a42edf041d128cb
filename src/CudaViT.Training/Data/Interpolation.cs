namespace CudaViT.Training.Data;

/// <summary>How pixels between pixels are computed when an image is resized.</summary>
public enum Interpolation
{
    /// <summary>A triangle over the two nearest pixels, or over all that fall together: MoCo v3's pre-training.</summary>
    Bilinear,

    /// <summary>Keys' cubic with a = -1/2 over four pixels, or as many times more as fall together: fine-tuning.</summary>
    Bicubic,
}
