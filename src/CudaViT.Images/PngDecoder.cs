using System.Buffers;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Images.Interop;

namespace CudaViT.Images;

/// <summary>Decodes PNG by libpng's simplified interface: any bit depth, palette, interlaced or not.</summary>
/// <remarks>
/// Samples of 16 bits are rounded to 8. (Pillow clips them where the image is grey, which leaves it white.)
/// </remarks>
internal static class PngDecoder
{
    private const int Color = 2;
    private const int GreyWithAlpha = 4;
    private const int ColorWithAlpha = 6;

    // Deflate packs 1,032 bytes into one at best.
    private const int BitsPerByte = 8 * 1032;

    /// <summary>Decodes a file.</summary>
    public static ImageView Decode(ReadOnlySpan<byte> file, ImageBuffer destination)
    {
        ImageLibraries.Png.Require();
        (uint height, uint width, int depth, int colorType) = PngChunks.ReadHeader(file);
        int samples = colorType switch { Color => 3, GreyWithAlpha => 2, ColorWithAlpha => 4, _ => 1 };
        ImageLimits.Check(height, width, file.Length, BitsPerByte / (samples * Math.Max(depth, 1)));
        byte[] critical = ArrayPool<byte>.Shared.Rent(file.Length);
        try
        {
            bool hasAlpha = colorType is GreyWithAlpha or ColorWithAlpha;
            ReadOnlySpan<byte> source = PngChunks.CopyCritical(file, critical);
            Span<byte> pixels = destination.Reserve(checked((int)(height * width) * (hasAlpha ? 4 : 3)));
            Read(source, (int)width, (int)height, hasAlpha, pixels);
            if (hasAlpha)
            {
                DropAlpha(pixels);
            }

            return new ImageView(pixels[..(int)(height * width * 3)], (int)height, (int)width, channels: 3);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(critical);
        }
    }

    // libpng keeps the address of the source from one call to the next.
    private static unsafe void Read(
        ReadOnlySpan<byte> source, int width, int height, bool hasAlpha, Span<byte> pixels)
    {
        fixed (byte* pinned = source)
        {
            var image = new PngImage { Version = LibPng.ImageVersion };
            if (LibPng.BeginRead(ref image, pinned, (nuint)source.Length) == 0)
            {
                throw new UndecodableImageException(image.Text());
            }

            try
            {
                image.Format = hasAlpha ? LibPng.FormatRgba : LibPng.FormatRgb;
                image.Flags |= LibPng.SixteenBitsAreNotLinear;
                if ((image.Width, image.Height) != ((uint)width, (uint)height)
                    || LibPng.FinishRead(ref image, background: 0, pixels, rowStride: 0, colorMap: 0) == 0)
                {
                    throw new UndecodableImageException(image.Text());
                }
            }
            finally
            {
                LibPng.Free(ref image);
            }
        }
    }

    private static void DropAlpha(Span<byte> pixels)
    {
        for ((int from, int to) = (0, 0); from < pixels.Length; from += 4, to += 3)
        {
            (pixels[to], pixels[to + 1], pixels[to + 2]) = (pixels[from], pixels[from + 1], pixels[from + 2]);
        }
    }
}
