using CudaViT.Data.Pixels;

namespace CudaViT.Data.Views;

/// <summary>
/// Draws the views of an image and packs what they need of it, for a device that makes them. Keeps scratch memory: one
/// per thread.
/// </summary>
/// <remarks>
/// That is the smallest box around all crops. Where it has too many bytes, each crop is packed by itself; and a crop
/// that has too many even so is resized here, in the device's arithmetic, so that only the rest is left to do there.
/// Which of these it is depends on image and draws alone.
/// </remarks>
/// <param name="settings">How views are made.</param>
/// <param name="seed">Seed of the run.</param>
/// <param name="views">Views of each image, the first ones.</param>
/// <param name="limit">Most bytes of an image; at least <see cref="LeastBytes"/>.</param>
internal sealed class ViewPacker(AugmentationSettings settings, ulong seed, int views, int limit)
{
    private readonly ViewPlan[] _plans = new ViewPlan[views];
    private readonly CropBox[] _crops = new CropBox[views];
    private readonly ImageResizer _resizer = new();

    /// <summary>Bytes that are enough for every image.</summary>
    public static long LeastBytes(AugmentationSettings settings, int views, int channels)
    {
        long largest = 0;
        for (int view = 0; view < views; view++)
        {
            long size = settings.SizeOf(view);
            largest = Math.Max(largest, size * size * channels);
        }

        return views * largest;
    }

    /// <summary>Adds an image to a batch.</summary>
    public void Pack(ImageView image, PackedImages batch, int epoch, int sample, int position)
    {
        for (int view = 0; view < views; view++)
        {
            _plans[view] = ViewPlan.Draw(settings, seed, epoch, sample, view, image.FullHeight, image.FullWidth);
            _crops[view] = _plans[view].Crop.Scale(image.FullHeight, image.FullWidth, image.Height, image.Width);
        }

        CropBox around = CropBox.Around(_crops);
        if (SizeInBytes(around, image) > limit)
        {
            PackApart(image, batch, position);
            return;
        }

        int first = batch.Append(image, around);
        for (int view = 0; view < views; view++)
        {
            CropBox crop = _crops[view];
            int pixel = ((crop.Top - around.Top) * around.Width) + crop.Left - around.Left;
            batch.SetTransform(view, position, _plans[view].ToTransform(
                first + (pixel * image.Channels), around.Width * image.Channels, crop.Height, crop.Width));
        }
    }

    private void PackApart(ImageView image, PackedImages batch, int position)
    {
        for (int view = 0; view < views; view++)
        {
            CropBox crop = _crops[view];
            int offset;
            if (SizeInBytes(crop, image) <= limit / views)
            {
                offset = batch.Append(image, crop);
            }
            else
            {
                int size = settings.SizeOf(view);
                Span<byte> resized = batch.Reserve(size * size * image.Channels, out offset);
                _resizer.Resize(image, crop, resized, size, size);
                crop = new CropBox(0, 0, size, size); // which a resize to the same size leaves as it is
            }

            batch.SetTransform(view, position, _plans[view].ToTransform(
                offset, crop.Width * image.Channels, crop.Height, crop.Width));
        }
    }

    private static long SizeInBytes(CropBox box, ImageView image) => (long)box.Height * box.Width * image.Channels;
}
