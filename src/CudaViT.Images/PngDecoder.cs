using System.Buffers;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Images.Interop;
using CudaViT.Images.Managed;

namespace CudaViT.Images;

/// <summary>Decodes PNG by libpng's simplified interface: any bit depth, palette, interlaced or not.</summary>
/// <remarks>
/// Of samples of 16 bits the upper byte counts, as in Pillow's RGB images. This interface of libpng can only round
/// them, so <see cref="PngReader"/> takes such files. (Pillow clips them where the image is grey, which leaves it
/// white.)
/// </remarks>
internal static class PngDecoder
{
    /// <summary>Decodes a file.</summary>
    public static ImageView Decode(ReadOnlySpan<byte> file, ImageBuffer destination)
    {
        PngHeader header = PngChunks.ReadHeader(file);
        header.RequireLimits(file.Length);
        if (header.Depth > 8)
        {
            return PngReader.Decode(file, destination);
        }

        (int height, int width) = ((int)header.Height, (int)header.Width);
        byte[] critical = ArrayPool<byte>.Shared.Rent(file.Length);
        try
        {
            ReadOnlySpan<byte> source = PngChunks.CopyCritical(file, critical);
            Span<byte> pixels = destination.Reserve(checked(height * width * (header.HasAlpha ? 4 : 3)));
            Read(source, width, height, header.HasAlpha, pixels);
            if (header.HasAlpha)
            {
                DropAlpha(pixels);
            }

            return new ImageView(pixels[..(height * width * 3)], height, width, channels: 3);
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
