using CudaViT.Data.Sets;

namespace CudaViT.Images;

/// <summary>What a header may claim before anything is allocated for it.</summary>
internal static class ImageLimits
{
    /// <summary>Largest number of pixels: 400 MB of RGB, some 11,500 squared.</summary>
    public const long MaxPixels = 1L << 27;

    /// <summary>A pixel of one bit.</summary>
    public const int BmpPixelsPerByte = 8;

    /// <summary>Runs of up to 128 bytes in two, of pixels of one bit.</summary>
    public const int RunPixelsPerByte = 512;

    /// <summary>Deflate packs 1,032 bytes into one at best; a pixel may be one bit. LZW comes to less.</summary>
    public const int DeflatePixelsPerByte = 8 * 1032;

    /// <summary>A block of 64 pixels takes a bit at least, and with arithmetic coding still less.</summary>
    public const int JpegPixelsPerByte = 4096;

    /// <summary>A code of up to 12 bits stands for at most 4096 pixels.</summary>
    public const int GifPixelsPerByte = 4096;

    /// <summary>
    /// A flat picture takes a few bytes whatever its size, so this is no limit of the format; no photograph comes near.
    /// </summary>
    public const int WebpPixelsPerByte = 4096;

    /// <summary>What a WebP file may announce in any case: 2048 squared.</summary>
    public const long WebpLeastPixels = 1L << 22;

    /// <summary>Most scans of a progressive JPEG, each of which visits all pixels: more is an attack.</summary>
    public const int MaxScans = 500;

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
