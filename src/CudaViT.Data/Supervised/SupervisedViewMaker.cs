using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;

namespace CudaViT.Data.Supervised;

/// <summary>
/// Makes the view that a classifier learns from. What comes out is a pure function of (seed, epoch, sample, copy) and
/// the image. Keeps scratch memory: one per thread.
/// </summary>
internal sealed class SupervisedViewMaker : IViewMaker, IDecodeScale
{
    private const double MinAspectRatio = 3.0 / 4;
    private const double MaxAspectRatio = 4.0 / 3;

    private readonly SupervisedViews _settings;
    private readonly ulong _seed;
    private readonly ImageResizer _resizer;
    private readonly RandAugmentRenderer _augmenter;
    private (int Epoch, int Sample, int Copy) _scaled; // the view whose scale was asked for

    public SupervisedViewMaker(SupervisedViews settings, ulong seed)
    {
        (_settings, _seed) = (settings, seed);
        _resizer = new ImageResizer(settings.Interpolation);
        _augmenter = new RandAugmentRenderer([.. settings.Fill]);
    }

    /// <inheritdoc/>
    public IDecodeScale ScaleOf(int epoch, int sample, int copy)
    {
        _scaled = (epoch, sample, copy);
        return this;
    }

    /// <inheritdoc/>
    public double Smallest(int height, int width)
    {
        CropBox crop = Crop(_scaled.Epoch, _scaled.Sample, _scaled.Copy, height, width);
        return (double)_settings.OutputSize / Math.Min(crop.Height, crop.Width);
    }

    /// <inheritdoc/>
    public void Augment(ImageView source, int epoch, int sample, int view, Span<byte> destination)
    {
        int size = _settings.OutputSize;
        CropBox crop = Crop(epoch, sample, view, source.FullHeight, source.FullWidth)
            .Scale(source.FullHeight, source.FullWidth, source.Height, source.Width);
        _resizer.Resize(source, crop, destination, size, size);
        if (Stream(epoch, sample, view, RandomOperation.Flip).NextBool(_settings.FlipProbability))
        {
            ImageOps.FlipHorizontally(destination, size, source.Channels);
        }

        if (_settings.RandAugment is { } augment)
        {
            RandomSequence random = Stream(epoch, sample, view, RandomOperation.RandAugment);
            for (int i = 0; i < augment.Operations; i++)
            {
                if (RandAugmentStep.Draw(ref random, augment) is { } step)
                {
                    _augmenter.Apply(step, destination, size, size);
                }
            }
        }
        else if (_settings.ColorJitter > 0)
        {
            double range = _settings.ColorJitter;
            RandomSequence random = Stream(epoch, sample, view, RandomOperation.ColorJitter);
            ColorJitter.Draw(ref random, range, range, range, hues: 0).Apply(destination, source.Channels);
        }
    }

    private CropBox Crop(int epoch, int sample, int view, int height, int width)
    {
        RandomSequence random = Stream(epoch, sample, view, RandomOperation.Crop);
        return CropBox.Draw(
            ref random, height, width, (_settings.MinCropArea, 1), (MinAspectRatio, MaxAspectRatio));
    }

    private RandomSequence Stream(int epoch, int sample, int view, RandomOperation operation) =>
        new RandomStream(_seed, epoch, sample, view, operation).Sequence();
}
