using System.ComponentModel.DataAnnotations;

namespace CudaViT.Training.Settings;

/// <summary>Everything that decides the shapes and the wiring of a MoCo v3 model.</summary>
[SettingsSection]
public sealed record ModelSettings
{
    private const int ConvolutionStride = 16;

    // Far above any model, and low enough that no product of two or three of them leaves its type.
    private const int MaxSize = 1 << 16;
    private const int MaxPatch = 1 << 10;
    private const int MaxChannels = 1 << 6;
    private const int MaxDepth = 1 << 10;
    private const int MaxMlpRatio = 1 << 6;
    private const int MaxHead = 1 << 20;
    private const int MaxGrid = 1 << 11;

    /// <summary>
    /// Kind of encoder. With resnet50 all that speaks of patches, tokens, heads and blocks is ignored.
    /// </summary>
    public Architecture Architecture { get; init; } = Architecture.VisionTransformer;

    /// <summary>
    /// Height and width in pixels of what the encoder sees. Every image is cropped and resized to it, whatever its own
    /// size; a multiple of <c>model.patch</c>.
    /// </summary>
    [Range(1, MaxSize)]
    public int ImageSize { get; init; } = 224;

    /// <summary>
    /// Colour channels: 3, or 1 for grey. A run takes them from its images, so that nothing need be set.
    /// </summary>
    [Range(1, MaxChannels)]
    public int Channels { get; init; } = 3;

    /// <summary>
    /// Height and width of a patch in pixels; divides <c>model.imageSize</c>. A model has (imageSize / patch)² tokens
    /// and one for the class, and half the patch makes four times as many.
    /// </summary>
    [Range(1, MaxPatch)]
    public int Patch { get; init; } = 16;

    /// <summary>
    /// Width D of the tokens, and of the features; a multiple of <c>model.heads</c>, and of 4 with sincos positions.
    /// </summary>
    [Range(1, MaxSize)]
    public int Width { get; init; } = 384;

    /// <summary>Number of transformer blocks, one after another.</summary>
    [Range(1, MaxDepth)]
    public int Depth { get; init; } = 12;

    /// <summary>
    /// Attention heads of a block; divides <c>model.width</c>. 32 or 64 of the width for each is usual.
    /// </summary>
    [Range(1, MaxSize)]
    public int Heads { get; init; } = 12;

    /// <summary>Hidden width of a block's MLP, as a multiple of <c>model.width</c>.</summary>
    [Range(1, MaxMlpRatio)]
    public int MlpRatio { get; init; } = 4;

    /// <summary>How images become tokens.</summary>
    public Stem Stem { get; init; } = Stem.Patch;

    /// <summary>How a token knows where it stands.</summary>
    public PositionTable Position { get; init; } = PositionTable.SinCos;

    /// <summary>What of the tokens becomes the features of an image.</summary>
    public Pooling Pooling { get; init; } = Pooling.ClassToken;

    /// <summary>What normalizes the input of each block's MLP.</summary>
    public MlpNorm MlpNorm { get; init; } = MlpNorm.Layer;

    /// <summary>
    /// Whether the patch projection stays at its random start, which steadies training (MoCo v3, section 4). No effect
    /// with <see cref="Stem.Convolution"/>.
    /// </summary>
    public bool FreezePatch { get; init; }

    /// <summary>Hidden width of projector and predictor, which are used in pre-training only.</summary>
    [Range(1, MaxHead)]
    public int HeadHidden { get; init; } = 4096;

    /// <summary>Width of the embeddings that the contrastive loss compares.</summary>
    [Range(1, MaxHead)]
    public int HeadOutput { get; init; } = 256;

    /// <summary>Whether projector and predictor have batch normalization.</summary>
    public bool HeadBatchNorm { get; init; } = true;

    /// <summary>Whether there is a predictor; without, queries are projector outputs.</summary>
    public bool Predictor { get; init; } = true;

    /// <summary>
    /// Classes that a fine-tuned model tells apart by a linear layer; null, for the projector of pre-training, in every
    /// run of <c>cudavit train</c>.
    /// </summary>
    [Range(1, MaxHead)]
    public int? Classes { get; init; }

    /// <summary>ViT-Ti/16 at 224 pixels (H. Touvron et al., arXiv:2012.12877).</summary>
    public static ModelSettings VitTiny { get; } = new() { Width = 192, Depth = 12, Heads = 3 };

    /// <summary>ViT-S/16 at 224 pixels, with MoCo v3's 12 heads.</summary>
    public static ModelSettings VitSmall { get; } = new() { Width = 384, Depth = 12, Heads = 12 };

    /// <summary>ViT-B/16 at 224 pixels.</summary>
    public static ModelSettings VitBase { get; } = new() { Width = 768, Depth = 12, Heads = 12 };

    /// <summary>ViT-L/16 at 224 pixels.</summary>
    public static ModelSettings VitLarge { get; } = new() { Width = 1024, Depth = 24, Heads = 16 };

    /// <summary>ViT-H/14 at 224 pixels.</summary>
    public static ModelSettings VitHuge { get; } = new() { Width = 1280, Depth = 32, Heads = 16, Patch = 14 };

    /// <summary>ViT-B/7 at 224 pixels: 1,025 tokens.</summary>
    public static ModelSettings VitBase7 { get; } = VitBase with { Patch = 7 };

    /// <summary>ViT-L/7 at 224 pixels: 1,025 tokens.</summary>
    public static ModelSettings VitLarge7 { get; } = VitLarge with { Patch = 7 };

    /// <summary>ViT-S with a convolutional stem in place of one block.</summary>
    public static ModelSettings VitConvSmall { get; } = VitSmall with { Depth = 11, Stem = Stem.Convolution };

    /// <summary>ViT-B with a convolutional stem in place of one block.</summary>
    public static ModelSettings VitConvBase { get; } = VitBase with { Depth = 11, Stem = Stem.Convolution };

    /// <summary>ResNet-50 at 224 pixels.</summary>
    public static ModelSettings ResNet50 { get; } = new() { Architecture = Architecture.ResNet50 };

    /// <summary>Throws unless a model can be built from these settings.</summary>
    /// <exception cref="SettingsException">The message names the setting, its value and what it must be.</exception>
    public void Validate()
    {
        SettingsJson.RequireRanges("model", this);
        if (Architecture == Architecture.VisionTransformer)
        {
            ValidateTransformer();
        }
    }

    private void ValidateTransformer()
    {
        if (ImageSize > MaxGrid * Patch)
        {
            throw new SettingsException(
                $"model.imageSize is {ImageSize}, but it must be at most {MaxGrid * Patch}, {MaxGrid} patches.");
        }

        Divides(Patch, "the patch size", ImageSize, nameof(ImageSize));
        Divides(Heads, "the number of heads", Width, nameof(Width));
        if (Position == PositionTable.SinCos)
        {
            Divides(4, "the number of sines and cosines", Width, nameof(Width));
        }

        if (Stem == Stem.Convolution)
        {
            Divides(8, "the growth of the stem's channels", Width, nameof(Width));
            if (Patch != ConvolutionStride)
            {
                throw new SettingsException(
                    $"model.patch is {Patch}, but a convolutional stem reduces images by {ConvolutionStride}. "
                    + $"Set it to {ConvolutionStride}.");
            }
        }
    }

    private static void Divides(int divisor, string divisorName, int value, string name)
    {
        if (value % divisor != 0)
        {
            throw new SettingsException(
                $"model.{SettingsJson.KeyOf(name)} is {value}, but it must be a multiple of {divisor}, {divisorName}. "
                + "Change one of them.");
        }
    }
}

/// <summary>Kind of encoder.</summary>
public enum Architecture
{
    /// <summary>Vision Transformer.</summary>
    VisionTransformer,

    /// <summary>ResNet-50; patch, width, depth and everything about tokens have no meaning for it.</summary>
    ResNet50,
}

/// <summary>What normalizes the input of a block's MLP.</summary>
public enum MlpNorm
{
    /// <summary>Layer normalization.</summary>
    Layer,

    /// <summary>Batch normalization over samples and tokens (MoCo v3, section 6.3).</summary>
    Batch,
}

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

/// <summary>What tells a Vision Transformer where a token stands.</summary>
public enum PositionTable
{
    /// <summary>Fixed sines and cosines of row and column.</summary>
    SinCos,

    /// <summary>A trained table.</summary>
    Learned,

    /// <summary>Nothing.</summary>
    None,
}

/// <summary>How a Vision Transformer turns an image into tokens.</summary>
public enum Stem
{
    /// <summary>Cut into patches, one linear layer.</summary>
    Patch,

    /// <summary>
    /// Four strided 3×3 convolutions and one of 1×1, as in the reference implementation's later variants.
    /// </summary>
    Convolution,
}
