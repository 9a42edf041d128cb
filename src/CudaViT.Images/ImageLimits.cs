using CudaViT.Data.Sets;

namespace CudaViT.Images;

/// <summary>What a header may claim before anything is allocated for it.</summary>
internal static class ImageLimits
{
    /// <summary>Largest number of pixels: 400 MB of RGB, some 11,500 squared.</summary>
    public const long MaxPixels = 1L << 27;

    /// <summary>Refuses an image that is empty, too large, or larger than its file can possibly hold.</summary>
    /// <param name="height">Rows that the header announces.</param>
    /// <param name="width">Columns that the header announces.</param>
    /// <param name="fileSizeInBytes">Size of the file.</param>
    /// <param name="pixelsPerByte">What the format's compression reaches at best.</param>
    public static void Check(long height, long width, long fileSizeInBytes, int pixelsPerByte)
    {
        if (height <= 0 || width <= 0)
        {
            throw new UndecodableImageException($"the header announces {width} x {height} pixels");
        }

        if (height > MaxPixels / width)
        {
            throw new UndecodableImageException(
                $"the header announces {width} x {height} pixels; the limit is {MaxPixels} in all");
        }

        if (height * width / Math.Max(pixelsPerByte, 1) > fileSizeInBytes)
        {
            throw new UndecodableImageException(
                $"the header announces {width} x {height} pixels, more than {fileSizeInBytes} bytes can hold");
        }
    }
}
