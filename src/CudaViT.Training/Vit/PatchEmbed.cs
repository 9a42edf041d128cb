using CudaViT.Core;
using CudaViT.Training.Nn;

namespace CudaViT.Training.Vit;

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
