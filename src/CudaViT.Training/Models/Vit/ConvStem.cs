using System.Globalization;
using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Models.Vit;

/// <summary>
/// Four 3×3 convolutions of stride 2 with batch normalization and ReLU, then one of 1×1: an image becomes a grid of
/// tokens a sixteenth as high and wide. Children are numbered as in the reference implementation, ReLU included.
/// </summary>
/// <remarks>T. Xiao et al., "Early convolutions help transformers see better", arXiv:2106.14881.</remarks>
public sealed class ConvStem : TokenStem
{
    private readonly List<(ConvLayer Conv, BatchNormLayer Norm)> _stages = [];
    private readonly ConvLayer _last;

    /// <summary>Declares the layers.</summary>
    /// <param name="channels">Channels of the images.</param>
    /// <param name="width">Width D of a token, a multiple of 8.</param>
    public ConvStem(int channels, int width)
    {
        int from = channels;
        for (int stage = 0; stage < 4; stage++)
        {
            int to = width >> (3 - stage);
            var conv = new ConvLayer(from, to, 3, stride: 2, padding: 1, Initializers.FanInUniform(from * 9));
            var norm = new BatchNormLayer(to, Initializers.Ones);
            _stages.Add((AddChild(Name(3 * stage), conv), AddChild(Name((3 * stage) + 1), norm)));
            from = to;
        }

        Initializer last = Initializers.FanInUniform(width);
        _last = AddChild(Name(12), new ConvLayer(width, width, 1, stride: 1, padding: 0, weight: last, bias: last));
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor images, int groups = 1)
    {
        Tensor x = images;
        foreach ((ConvLayer conv, BatchNormLayer norm) in _stages)
        {
            x = Relu.Apply(norm.Forward(conv.Forward(x), groups));
        }

        x = _last.Forward(x);
        return x.Reshape(x.Shape[0], x.Shape[1], -1).Permute(0, 2, 1);
    }

    private static string Name(int index) => string.Create(CultureInfo.InvariantCulture, $"proj.{index}");
}
