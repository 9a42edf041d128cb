namespace CudaViT.Core;

/// <summary>Fills boxes of images with noise, in place: random erasing of inputs, which need no gradient.</summary>
/// <remarks>
/// x[e] ← ε[e] for every element e of a box, all channels alike, where ε[e] is standard normal number e of the call's
/// random stream: x has been normalized, so this is noise of the images' own mean and deviation. Z. Zhong et al.,
/// "Random erasing data augmentation", arXiv:1708.04896; noise for each pixel as in DeiT, arXiv:2012.12877.
/// </remarks>
public static class EraseImages
{
    /// <summary>Numbers by which a box is described on the device.</summary>
    private const int BoxWidth = 5;

    /// <summary>Erases boxes.</summary>
    /// <param name="images">[N, C, H, W]; F64, F32 or BF16; written to. Not to be on the tape.</param>
    /// <param name="boxes">Parts of the images, in any order, at most one for each image.</param>
    /// <param name="noise">Random numbers of this call.</param>
    /// <exception cref="ArgumentException">
    /// <paramref name="images"/> are no batch of images, or a box is not inside its image, or not the only one.
    /// </exception>
    public static void Apply(NdArray images, IReadOnlyList<ImageBox> boxes, RandomStream noise)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(boxes);
        if (images.Shape.Rank != 4 || !images.DType.IsFloatingPoint())
        {
            throw new ArgumentException(
                $"EraseImages: images must be F64, F32 or BF16 [N, C, H, W], but they are "
                + $"{images.Description}. Normalize them first.");
        }

        int area = 0; // of the largest box
        int[] numbers = new int[boxes.Count * BoxWidth];
        var seen = new HashSet<int>();
        for (int i = 0; i < boxes.Count; i++)
        {
            ImageBox box = boxes[i];
            if (!IsInside(box, images.Shape))
            {
                throw new ArgumentException(
                    $"EraseImages: {box} is not inside images {images.Shape}. Correct the box.");
            }

            if (!seen.Add(box.Image))
            {
                throw new ArgumentException($"EraseImages: image {box.Image} has two boxes. Erase them in two calls.");
            }

            (int[] row, int at) = ([box.Image, box.Top, box.Left, box.Height, box.Width], i * BoxWidth);
            row.CopyTo(numbers, at);
            area = Math.Max(area, box.Height * box.Width);
        }

        if (area > 0)
        {
            using var scope = new StepScope();
            NdArray table = NdArray.From<int>(images.Backend, numbers, [boxes.Count, BoxWidth]);
            images.Backend.EraseImages(images, table, area, noise);
            images.Storage.MarkChanged();
        }
    }

    private static bool IsInside(ImageBox box, Shape images) =>
        box.Image >= 0 && box.Image < images[0]
        && box.Top >= 0 && box.Height >= 0 && box.Top <= images[2] - box.Height
        && box.Left >= 0 && box.Width >= 0 && box.Left <= images[3] - box.Width;
}

public partial interface IBackend
{
    /// <summary>
    /// Writes standard normal number e of the stream to every element e of images [N, C, H, W] that is in a box. A row
    /// of boxes [K, 5], I32, is image, top, left, height and width, all inside and of different images; none has more
    /// than <paramref name="area"/> pixels.
    /// </summary>
    void EraseImages(NdArray images, NdArray boxes, int area, RandomStream noise);
}

/// <summary>A part of one image of a batch, in pixels.</summary>
/// <param name="Image">Its place in the batch.</param>
/// <param name="Top">First row.</param>
/// <param name="Left">First column.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct ImageBox(int Image, int Top, int Left, int Height, int Width);
