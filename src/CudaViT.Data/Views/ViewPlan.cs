using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Views;

/// <summary>All that was drawn for one view; what remains to be done has no randomness.</summary>
/// <param name="Crop">Part of the image, in pixels of its full size.</param>
/// <param name="Jitter">Change of colours, if any.</param>
/// <param name="Grayscale">Whether colours are lost.</param>
/// <param name="BlurSigma">Strength of the blur in pixels of the view, if it is blurred.</param>
/// <param name="Solarize">Whether bright pixels are inverted.</param>
/// <param name="Flip">Whether the view is mirrored.</param>
public readonly record struct ViewPlan(
    CropBox Crop, ColorJitter? Jitter, bool Grayscale, float? BlurSigma, bool Solarize, bool Flip)
{
    /// <summary>Draws a view of an image.</summary>
    /// <param name="settings">Ranges and probabilities.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="sample">Index of the image in its data set.</param>
    /// <param name="view">0 is view A, 1 view B, then come the extra crops.</param>
    /// <param name="height">Rows of the image.</param>
    /// <param name="width">Columns of the image.</param>
    /// <remarks>
    /// Each operation draws from a stream of its own, so that switching one on does not change the others.
    /// </remarks>
    public static ViewPlan Draw(
        AugmentationSettings settings, ulong seed, int epoch, int sample, int view, int height, int width)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ViewKind kind = settings.KindOf(view);
        CropBox crop = DrawCrop(settings, seed, epoch, sample, view, height, width);

        RandomSequence jitter = Stream(RandomOperation.ColorJitter);
        bool jitters = jitter.NextBool(settings.JitterProbability);
        RandomSequence gray = Stream(RandomOperation.Grayscale);
        RandomSequence blur = Stream(RandomOperation.Blur);
        bool blurs = blur.NextBool(kind.BlurProbability);
        RandomSequence solarize = Stream(RandomOperation.Solarize);
        RandomSequence flip = Stream(RandomOperation.Flip);
        return new ViewPlan(
            crop,
            jitters ? ColorJitter.Draw(ref jitter, settings) : null,
            gray.NextBool(settings.GrayscaleProbability),
            blurs ? (float)blur.NextDouble(settings.MinBlurSigma, settings.MaxBlurSigma) : null,
            solarize.NextBool(kind.SolarizeProbability),
            flip.NextBool(settings.FlipProbability));

        RandomSequence Stream(RandomOperation operation) =>
            new RandomStream(seed, epoch, sample, view, operation).Sequence();
    }

    /// <summary>The same in the numbers of a device, for a crop that lies somewhere in packed pixels.</summary>
    /// <param name="source">Where the crop begins, in bytes.</param>
    /// <param name="rowBytes">From one row to the next.</param>
    /// <param name="height">Rows of the crop, of which there may be fewer than at full size.</param>
    /// <param name="width">Columns of the crop.</param>
    internal ViewTransform ToTransform(long source, int rowBytes, int height, int width) => new(
        source,
        rowBytes,
        height,
        width,
        Jitter?.ToTransform() ?? default,
        Grayscale,
        BlurSigma is { } sigma ? BoxBlur.BoxOf(sigma) : default,
        Solarize,
        Flip);

    /// <summary>The crop of <see cref="Draw"/> alone, for those who must know it before the image is decoded.</summary>
    internal static CropBox DrawCrop(
        AugmentationSettings settings, ulong seed, int epoch, int sample, int view, int height, int width)
    {
        ViewKind kind = settings.KindOf(view);
        RandomSequence random = new RandomStream(seed, epoch, sample, view, RandomOperation.Crop).Sequence();
        return CropBox.Draw(
            ref random,
            height,
            width,
            (kind.MinCropArea, kind.MaxCropArea),
            (settings.MinAspectRatio, settings.MaxAspectRatio));
    }
}

/// <summary>What views of one kind have of their own; the rest of the settings holds for all.</summary>
internal readonly record struct ViewKind(
    int Size, double MinCropArea, double MaxCropArea, double BlurProbability, double SolarizeProbability);
