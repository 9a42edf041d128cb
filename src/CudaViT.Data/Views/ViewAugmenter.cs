using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;

namespace CudaViT.Data.Views;

/// <summary>
/// Makes the random views of an image. What comes out is a pure function of (seed, epoch, sample, view) and the image.
/// </summary>
/// <remarks>Keeps scratch memory: one per thread.</remarks>
public sealed class ViewAugmenter : IViewMaker
{
    private readonly AugmentationSettings _settings;
    private readonly ulong _seed;
    private readonly ViewRenderer _renderer = new();
    private readonly CropScale _scale;

    /// <summary>Fixes the settings and the seed.</summary>
    /// <exception cref="ArgumentException">The settings are not valid.</exception>
    public ViewAugmenter(AugmentationSettings settings, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        (_settings, _seed) = (settings, seed);
        _scale = new CropScale(this);
    }

    /// <summary>How coarsely an image may be decoded for all of its views.</summary>
    /// <returns>Valid until the next call.</returns>
    public IDecodeScale ScaleOf(int epoch, int sample)
    {
        (_scale.Epoch, _scale.Sample) = (epoch, sample);
        return _scale;
    }

    /// <inheritdoc/>
    IDecodeScale IViewMaker.ScaleOf(int epoch, int sample, int copy) => ScaleOf(epoch, sample);

    /// <inheritdoc/>
    /// <remarks>View 0 is A, 1 is B, then come the extra crops.</remarks>
    public void Augment(ImageView source, int epoch, int sample, int view, Span<byte> destination)
    {
        var plan = ViewPlan.Draw(_settings, _seed, epoch, sample, view, source.FullHeight, source.FullWidth);
        _renderer.Render(source, plan, _settings.SizeOf(view), destination);
    }

    private sealed class CropScale(ViewAugmenter augmenter) : IDecodeScale
    {
        public int Epoch { get; set; }

        public int Sample { get; set; }

        public double Smallest(int height, int width)
        {
            double smallest = 0;
            for (int view = 0; view < augmenter._settings.ViewCount; view++)
            {
                CropBox crop = ViewPlan.DrawCrop(
                    augmenter._settings, augmenter._seed, Epoch, Sample, view, height, width);
                int size = augmenter._settings.SizeOf(view);
                smallest = Math.Max(smallest, (double)size / Math.Min(crop.Height, crop.Width));
            }

            return smallest;
        }
    }
}
