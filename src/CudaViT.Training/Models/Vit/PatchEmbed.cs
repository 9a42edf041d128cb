using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Models.Vit;

/// <summary>
/// Cuts images into P×P patches and maps each to a token: a convolution with stride P, written as a matrix product.
/// <c>proj.weight</c> is [D, channels, P, P], <c>proj.bias</c> [D].
/// </summary>
/// <remarks>
/// A. Dosovitskiy et al., arXiv:2010.11929, section 3.1; why to freeze it: MoCo v3, arXiv:2104.02057, section 4.2.
/// </remarks>
public sealed class PatchEmbed : TokenStem
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly int _patch;
    private readonly int _width;

    /// <summary>Declares the parameters.</summary>
    /// <param name="channels">Channels of the images.</param>
    /// <param name="patch">Height and width P of a patch in pixels.</param>
    /// <param name="width">Width D of a token.</param>
    /// <param name="isFrozen">
    /// Whether the projection stays at its random start: no gradient and no weight decay.
    /// </param>
    public PatchEmbed(int channels, int patch, int width, bool isFrozen)
    {
        (_patch, _width) = (patch, width);
        int inputs = channels * patch * patch;
        _weight = AddParameter(
            "proj.weight", [width, channels, patch, patch], Initializers.XavierUniform(inputs, width), !isFrozen);
        _bias = AddParameter("proj.bias", [width], Initializers.Zeros, !isFrozen);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor images, int groups = 1)
    {
        ArgumentNullException.ThrowIfNull(images);
        Tensor patches = Patchify.Apply(images, _patch);
        Tensor weight = _weight.As(images.DType).Reshape(_width, -1);
        return Linear.Apply(patches, weight, _bias.As(images.DType));
    }
}

/// <summary>Turns images into tokens.</summary>
public abstract class TokenStem : Module
{
    /// <summary>Makes one token per cell of a grid, in row-major order.</summary>
    /// <param name="images">[B, channels, H, W].</param>
    /// <param name="groups">Number of equal runs of images that batch normalizations keep apart.</param>
    /// <returns>[B, N, D], in the type of <paramref name="images"/>.</returns>
    public abstract Tensor Forward(Tensor images, int groups = 1);
}
