using System.Globalization;
using CudaViT.Core;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Models.Vit;

/// <summary>The Vision Transformer of MoCo v3 with its three-layer projector (<c>head</c>).</summary>
/// <remarks>A. Dosovitskiy et al., arXiv:2010.11929; X. Chen, S. Xie, K. He, arXiv:2104.02057, section 5.</remarks>
public sealed class VisionTransformer : Encoder
{
    private const double ClassTokenScale = 1e-6;
    private const double LearnedPositionScale = 0.02; // timm truncates at 100 of these, which no draw reaches

    private readonly ModelSettings _settings;
    private readonly Parameter? _classToken;
    private readonly Parameter? _position;

    /// <summary>Declares the network.</summary>
    /// <param name="settings">Sizes and variants.</param>
    /// <exception cref="SettingsException">No network can be built from the settings.</exception>
    public VisionTransformer(ModelSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        _settings = settings;
        int width = settings.Width;
        bool hasClassToken = settings.Pooling == Pooling.ClassToken;
        if (hasClassToken)
        {
            _classToken = AddParameter("cls_token", [1, 1, width], Initializers.Normal(ClassTokenScale));
        }

        int grid = settings.ImageSize / settings.Patch;
        Shape table = [1, (grid * grid) + (hasClassToken ? 1 : 0), width];
        _position = settings.Position switch
        {
            PositionTable.SinCos => AddParameter(
                "pos_embed",
                table,
                Initializers.Values(() => SinCosTable.Make(grid, grid, width, hasClassToken)),
                isTrainable: false),
            PositionTable.Learned => AddParameter("pos_embed", table, Initializers.Normal(LearnedPositionScale)),
            _ => null,
        };
        Stem = AddChild<TokenStem>("patch_embed", settings.Stem == Settings.Stem.Patch
            ? new PatchEmbed(settings.Channels, settings.Patch, width, settings.FreezePatch)
            : new ConvStem(settings.Channels, width));
        Blocks = [.. Enumerable.Range(0, settings.Depth).Select(i => AddChild(
            string.Create(CultureInfo.InvariantCulture, $"blocks.{i}"),
            new Block(width, settings.Heads, settings.MlpRatio * width, settings.MlpNorm)))];
        Norm = settings.Pooling == Pooling.Mean ? null : AddChild("norm", new LayerNormLayer(width));
        Head = AddChild<Module>("head", settings.Classes is { } classes
            ? ClassifierHead(width, classes)
            : new MlpHead(3, width, settings.HeadHidden, settings.HeadOutput, settings.HeadBatchNorm));
    }

    /// <inheritdoc/>
    public override int FeatureWidth => _settings.Width;

    /// <summary>Turns images into tokens.</summary>
    public TokenStem Stem { get; }

    /// <summary>The transformer blocks, first to last.</summary>
    public IReadOnlyList<Block> Blocks { get; }

    /// <summary>The final normalization; null with <see cref="Pooling.Mean"/>.</summary>
    public LayerNormLayer? Norm { get; }

    /// <inheritdoc/>
    public override Module Head { get; }

    /// <summary>Leaves branches out in training; null not to.</summary>
    public StochasticDepth? StochasticDepth { get; set; }

    /// <inheritdoc/>
    public override IReadOnlyList<IReadOnlyList<Parameter>> Layers
    {
        get
        {
            Parameter[] output = [.. Norm?.Parameters() ?? [], .. Head.Parameters()];
            Parameter[][] blocks = [.. Blocks.Select(block => block.Parameters().ToArray())];
            return [[.. Parameters().Except([.. blocks.SelectMany(block => block), .. output])], .. blocks, output];
        }
    }

    /// <summary>Whether a class token stands before the patches.</summary>
    public bool HasClassToken => _classToken is not null;

    /// <summary>Patches along a side of an image.</summary>
    public int Grid => _settings.ImageSize / _settings.Patch;

    /// <inheritdoc/>
    public override IReadOnlyList<ParameterSet> WatchedParts =>
    [
        new("patch_projection", [.. Stem.Parameters()]),
        .. Blocks.Select((block, i) => new ParameterSet(
            string.Create(CultureInfo.InvariantCulture, $"blocks.{i}"), [.. block.Parameters()])),
    ];

    /// <summary>Tokens as the first block gets them: patches behind the class token, plus positions.</summary>
    /// <param name="images">[B, channels, H, W].</param>
    /// <param name="groups">Number of equal runs of images that batch normalizations keep apart.</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Tokens(Tensor images, int groups = 1)
    {
        RequireImages(images);
        Tensor tokens = Stem.Forward(images, groups);
        if (_classToken is not null)
        {
            Tensor first = BroadcastTo.Apply(_classToken.As(images.DType), [images.Shape[0], 1, _settings.Width]);
            tokens = Concat.Apply([first, tokens], axis: 1);
        }

        return _position is null ? tokens : tokens + _position.As(images.DType);
    }

    /// <inheritdoc/>
    public override Tensor Features(Tensor images, int groups = 1)
    {
        Tensor x = Run(() => Tokens(images, groups));
        for (int i = 0; i < Blocks.Count; i++)
        {
            (Tensor input, int index) = (x, i);
            x = Run(() => IsTraining && StochasticDepth is { } depth
                ? Blocks[index].Forward(
                    input, groups, (branch, isMlp) => depth.Apply(branch, index, Blocks.Count, isMlp))
                : Blocks[index].Forward(input, groups));
        }

        return Run(() => Pool(x));
    }

    /// <summary>What the last block does with images, for pictures. Call in evaluation mode and off the tape.</summary>
    /// <param name="images">[B, channels, H, W]; the memory needed grows with B·T².</param>
    /// <returns>Where its tokens look, [B, heads, T, T], and the tokens after the last norm, [B, T, D].</returns>
    public (NdArray Attention, Tensor Tokens) Inspect(Tensor images)
    {
        Tensor x = Tokens(images);
        foreach (Block block in Blocks.SkipLast(1))
        {
            x = block.Forward(x);
        }

        NdArray attention = Blocks[^1].AttentionProbabilities(x);
        x = Blocks[^1].Forward(x);
        return (attention, Norm?.Forward(x) ?? x);
    }

    private Tensor Pool(Tensor x)
    {
        if (_settings.Pooling != Pooling.ClassToken)
        {
            return Mean.Apply(Norm?.Forward(x) ?? x, axes: [1]);
        }

        // The norm works row by row: the class token's row is all that has to go through it.
        Tensor first = Slice.Apply(x, axis: 1, start: 0, end: 1).Reshape(x.Shape[0], _settings.Width);
        return Norm!.Forward(first);
    }

    private void RequireImages(Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        (int channels, int size) = (_settings.Channels, _settings.ImageSize);
        if (images.Shape.Rank != 4 || images.Shape[1] != channels || images.Shape[2] != size || images.Shape[3] != size)
        {
            throw new ArgumentException(
                $"VisionTransformer: images must be [B, {channels}, {size}, {size}], but their shape is "
                + $"{images.Shape}. Resize them, or build the model for their size.");
        }
    }
}
