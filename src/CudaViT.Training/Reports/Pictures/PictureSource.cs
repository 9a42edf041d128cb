using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;

namespace CudaViT.Training.Reports.Pictures;

/// <summary>
/// Takes images of a data set for a report, as the encoder gets them and small enough to be embedded.
/// </summary>
/// <param name="dataset">The images.</param>
/// <param name="size">Height and width of the images that the encoder takes.</param>
internal sealed class PictureSource(IImageDataset dataset, int size)
{
    /// <summary>Longest side of an embedded picture, in pixels.</summary>
    public const int Side = 112;

    private readonly ImageBuffer _scratch = new();
    private readonly EvaluationTransform _transform = new(size, size);
    private readonly ImageResizer _resizer = new();

    /// <summary>
    /// Numbers of images that can be read, spread evenly over the data set: sets that are sorted by class show all of
    /// them.
    /// </summary>
    /// <param name="count">How many at most.</param>
    public IReadOnlyList<int> Choose(int count)
    {
        int wanted = Math.Min(count, dataset.Count);
        var chosen = new List<int>(wanted);
        for (int i = 0; i < wanted; i++)
        {
            int end = (int)((long)(i + 1) * dataset.Count / wanted);
            for (int index = (int)((((long)i * 2) + 1) * dataset.Count / (2L * wanted)); index < end; index++)
            {
                if (TryPixels(index) is not null)
                {
                    chosen.Add(index);
                    break;
                }
            }
        }

        return chosen;
    }

    /// <summary>Pixels of an image that can be read, cut as in evaluation, [size, size, channels].</summary>
    public byte[] Pixels(int index) => TryPixels(index)
        ?? throw new DatasetException($"{dataset.Name}: image {index} cannot be decoded any more.");

    /// <summary>Pixels of an image, cut as in evaluation; null if it cannot be decoded.</summary>
    public byte[]? TryPixels(int index)
    {
        try
        {
            byte[] pixels = new byte[size * size * dataset.Channels];
            _transform.Apply(dataset.Read(index, _scratch, _transform), pixels);
            return pixels;
        }
        catch (UndecodableImageException)
        {
            return null; // the data set keeps the list
        }
    }

    /// <summary>An image that can be read, for the page.</summary>
    public Picture Picture(int index) => Shrink(Pixels(index), size);

    /// <summary>Makes a picture of square pixels, no larger than <see cref="Side"/>.</summary>
    public Picture Shrink(byte[] pixels, int side)
    {
        int channels = dataset.Channels;
        if (side <= Side)
        {
            return new Picture(pixels, side, side, channels);
        }

        byte[] small = new byte[Side * Side * channels];
        _resizer.Resize(new ImageView(pixels, side, side, channels), new CropBox(0, 0, side, side), small, Side, Side);
        return new Picture(small, Side, Side, channels);
    }

    /// <summary>Name of an image's class; null without labels.</summary>
    public string? Label(int index)
    {
        int label = dataset.Label(index);
        return label < 0 || dataset.ClassCount == 0 ? null
            : dataset.ClassNames?[label] ?? FormattableString.Invariant($"class {label}");
    }

    /// <summary>The two views that training makes of an image in its first epoch.</summary>
    public ViewPair Views(int index, AugmentationSettings augmentation, ulong seed)
    {
        var augmenter = new ViewAugmenter(augmentation, seed);
        byte[][] views = [new byte[size * size * dataset.Channels], new byte[size * size * dataset.Channels]];
        for (int view = 0; view < views.Length; view++)
        {
            ImageView image = dataset.Read(index, _scratch, augmenter.ScaleOf(epoch: 0, index));
            augmenter.Augment(image, epoch: 0, index, view, views[view]);
        }

        return new ViewPair(Picture(index), Shrink(views[0], size), Shrink(views[1], size));
    }
}
