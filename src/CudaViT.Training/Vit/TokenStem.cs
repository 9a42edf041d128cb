using CudaViT.Core;
using CudaViT.Training.Nn;

namespace CudaViT.Training.Vit;

/// <summary>Turns images into tokens.</summary>
public abstract class TokenStem : Module
{
    /// <summary>Makes one token per cell of a grid, in row-major order.</summary>
    /// <param name="images">[B, channels, H, W].</param>
    /// <param name="groups">Number of equal runs of images that batch normalizations keep apart.</param>
    /// <returns>[B, N, D], in the type of <paramref name="images"/>.</returns>
    public abstract Tensor Forward(Tensor images, int groups = 1);
}
