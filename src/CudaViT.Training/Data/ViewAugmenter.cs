using CudaViT.Core;

namespace CudaViT.Training.Data;

/// <summary>
/// Makes the random views of an image. What comes out is a pure function of (seed, epoch, sample, view) and the image.
/// </summary>
/// <remarks>
/// Each operation draws from a stream of its own, so that switching one on does not change the others. Keeps scratch
/// memory: one per thread.
/// </remarks>
public sealed class ViewAugmenter
{
    private readonly AugmentationSettings _settings;
    private readonly ulong _seed;
    private readonly ImageResizer _resizer = new();

    /// <summary>Fixes the settings and the seed.</summary>
    /// <exception cref="ArgumentException">The settings are not valid.</exception>
    public ViewAugmenter(AugmentationSettings settings, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        (_settings, _seed) = (settings, seed);
    }

    /// <summary>Writes one view.</summary>
    /// <param name="source">The image.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="sample">Index of the image in its data set.</param>
    /// <param name="view">0 is view A, 1 view B.</param>
    /// <param name="destination">[OutputSize, OutputSize, channels].</param>
    public void Augment(ImageView source, int epoch, int sample, int view, Span<byte> destination)
    {
        RandomSequence crop = Draw(RandomOperation.Crop);
        var box = CropBox.Draw(ref crop, source.Height, source.Width, _settings);
        _resizer.Resize(source, box, destination, _settings.OutputSize, _settings.OutputSize);

        RandomSequence jitter = Draw(RandomOperation.ColorJitter);
        if (jitter.NextBool(_settings.JitterProbability))
        {
            Jitter(ref jitter, destination, source.Channels);
        }

        RandomSequence solarize = Draw(RandomOperation.Solarize);
        if (solarize.NextBool(view == 0 ? _settings.SolarizeProbabilityA : _settings.SolarizeProbabilityB))
        {
            ImageOps.Solarize(destination);
        }

        RandomSequence flip = Draw(RandomOperation.Flip);
        if (flip.NextBool(_settings.FlipProbability))
        {
            ImageOps.FlipHorizontally(destination, _settings.OutputSize, source.Channels);
        }

        RandomSequence Draw(RandomOperation operation) =>
            new RandomStream(_seed, epoch, sample, view, operation).Sequence();
    }

    private void Jitter(ref RandomSequence random, Span<byte> pixels, int channels)
    {
        bool contrastFirst = random.NextBool(0.5);
        float brightness = (float)random.NextDouble(1 - _settings.Brightness, 1 + _settings.Brightness);
        float contrast = (float)random.NextDouble(1 - _settings.Contrast, 1 + _settings.Contrast);
        if (contrastFirst)
        {
            ImageOps.Contrast(pixels, channels, contrast);
        }

        ImageOps.Brightness(pixels, brightness);
        if (!contrastFirst)
        {
            ImageOps.Contrast(pixels, channels, contrast);
        }
    }
}
