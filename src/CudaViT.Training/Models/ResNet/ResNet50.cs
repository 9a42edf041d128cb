using System.Globalization;
using CudaViT.Core;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Models.ResNet;

/// <summary>ResNet-50 with the two-layer projector of MoCo v3 in place of its classifier (<c>fc</c>).</summary>
/// <remarks>K. He et al., arXiv:1512.03385, table 1; names are torchvision's.</remarks>
public sealed class ResNet50 : Encoder
{
    private const int StemWidth = 64;

    // Blocks per stage; each stage doubles the width, and all but the first halve the image.
    private static readonly int[] Depths = [3, 4, 6, 3];

    private readonly ConvLayer _conv1;
    private readonly BatchNormLayer _bn1;
    private readonly List<Bottleneck> _blocks = [];

    /// <summary>Declares the network.</summary>
    /// <param name="settings">Channels and widths of the projector.</param>
    /// <exception cref="SettingsException">No network can be built from the settings.</exception>
    public ResNet50(ModelSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        _conv1 = AddChild("conv1", Bottleneck.Conv(settings.Channels, StemWidth, 7, stride: 2));
        _bn1 = AddChild("bn1", new BatchNormLayer(StemWidth, Initializers.Ones));
        int inputs = StemWidth;
        for (int stage = 0; stage < Depths.Length; stage++)
        {
            int width = StemWidth << stage;
            for (int i = 0; i < Depths[stage]; i++)
            {
                var block = new Bottleneck(inputs, width, stride: stage > 0 && i == 0 ? 2 : 1);
                _blocks.Add(AddChild(string.Create(CultureInfo.InvariantCulture, $"layer{stage + 1}.{i}"), block));
                inputs = Bottleneck.Expansion * width;
            }
        }

        FeatureWidth = inputs;
        Head = AddChild<Module>("fc", settings.Classes is { } classes
            ? ClassifierHead(inputs, classes)
            : new MlpHead(2, inputs, settings.HeadHidden, settings.HeadOutput, settings.HeadBatchNorm));
    }

    /// <inheritdoc/>
    public override int FeatureWidth { get; }

    /// <inheritdoc/>
    public override Module Head { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<IReadOnlyList<Parameter>> Layers =>
    [
        [.. _conv1.Parameters(), .. _bn1.Parameters()],
        .. _blocks.Select(block => block.Parameters().ToArray()),
        [.. Head.Parameters()],
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSet> WatchedParts =>
    [
        new("patch_projection", [.. _conv1.Parameters(), .. _bn1.Parameters()]),
        .. _blocks.Select((block, i) => new ParameterSet(
            string.Create(CultureInfo.InvariantCulture, $"blocks.{i}"), [.. block.Parameters()])),
    ];

    /// <inheritdoc/>
    public override Tensor Features(Tensor images, int groups = 1)
    {
        Tensor x = Run(() => MaxPool2d.Apply(
            Relu.Apply(_bn1.Forward(_conv1.Forward(images), groups)), kernel: 3, stride: 2, padding: 1));
        foreach (Bottleneck block in _blocks)
        {
            Tensor input = x;
            x = Run(() => block.Forward(input, groups));
        }

        return GlobalAvgPool.Apply(x);
    }
}
