using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Models.ResNet;

/// <summary>
/// A residual block of 1×1, 3×3 and 1×1 convolutions, the middle one with the stride. The scale of the last
/// normalization starts at 0, so the block starts as the identity.
/// </summary>
/// <remarks>K. He et al., arXiv:1512.03385; the zero scale: P. Goyal et al., arXiv:1706.02677, section 5.1.</remarks>
public sealed class Bottleneck : Module
{
    /// <summary>Channels of the output, in widths of the middle convolution.</summary>
    public const int Expansion = 4;

    private readonly (ConvLayer Conv, BatchNormLayer Norm)[] _branch;
    private readonly ConvLayer? _shortcut;
    private readonly BatchNormLayer? _shortcutNorm;

    /// <summary>Declares the layers.</summary>
    /// <param name="inputs">Channels of the input.</param>
    /// <param name="width">Channels of the middle convolution; the output has four times as many.</param>
    /// <param name="stride">Stride of the middle convolution.</param>
    public Bottleneck(int inputs, int width, int stride)
    {
        int outputs = Expansion * width;
        _branch =
        [
            (AddChild("conv1", Conv(inputs, width, 1, 1)), AddChild("bn1", Norm(width, Initializers.Ones))),
            (AddChild("conv2", Conv(width, width, 3, stride)), AddChild("bn2", Norm(width, Initializers.Ones))),
            (AddChild("conv3", Conv(width, outputs, 1, 1)), AddChild("bn3", Norm(outputs, Initializers.Zeros))),
        ];
        if (stride != 1 || inputs != outputs)
        {
            _shortcut = AddChild("downsample.0", Conv(inputs, outputs, 1, stride));
            _shortcutNorm = AddChild("downsample.1", Norm(outputs, Initializers.Ones));
        }
    }

    /// <summary>Applies the block.</summary>
    /// <param name="x">[N, C, H, W].</param>
    /// <param name="groups">Number of equal runs of images that batch normalizations keep apart.</param>
    /// <returns>[N, 4·width, H / stride, W / stride].</returns>
    public Tensor Forward(Tensor x, int groups = 1)
    {
        Tensor y = x;
        for (int i = 0; i < _branch.Length; i++)
        {
            (ConvLayer conv, BatchNormLayer norm) = _branch[i];
            y = norm.Forward(conv.Forward(y), groups);
            y = i < _branch.Length - 1 ? Relu.Apply(y) : y;
        }

        Tensor shortcut = _shortcut is null ? x : _shortcutNorm!.Forward(_shortcut.Forward(x), groups);
        return Relu.Apply(y + shortcut);
    }

    /// <summary>A convolution without bias, padded to keep the size, as everywhere in this network.</summary>
    internal static ConvLayer Conv(int inputs, int outputs, int kernel, int stride) => new(
        inputs, outputs, kernel, stride, padding: kernel / 2, Initializers.KaimingNormal(outputs * kernel * kernel));

    private static BatchNormLayer Norm(int channels, Initializer weight) => new(channels, weight);
}
