using System.Buffers;
using System.Runtime.InteropServices;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using SixLabors.ImageSharp;
using SixLabors.ImageSharp.Advanced;
using SixLabors.ImageSharp.Formats.Bmp;
using SixLabors.ImageSharp.Formats.Gif;
using SixLabors.ImageSharp.Formats.Tiff;
using SixLabors.ImageSharp.Formats.Webp;
using SixLabors.ImageSharp.Memory;
using SixLabors.ImageSharp.Metadata;
using SixLabors.ImageSharp.PixelFormats;
using ISharpDecoder = SixLabors.ImageSharp.Formats.IImageDecoder;
using SharpJpegDecoder = SixLabors.ImageSharp.Formats.Jpeg.JpegDecoder;

namespace CudaViT.Images.Managed;

/// <summary>
/// Decodes the first picture of JPEG, GIF, WebP, BMP and TIFF files by SixLabors.ImageSharp, which is C# throughout.
/// Safe to use from several threads.
/// </summary>
/// <remarks>
/// A file is looked at before ImageSharp gets it: its size is held against <see cref="ImageLimits"/>, one that is cut
/// short is refused, and what is not needed (further pictures, alpha, profiles, texts) is left out. Images are always
/// decoded whole.
/// </remarks>
internal static class ManagedDecoder
{
    private const int Spare = 16; // a copy may need a few bytes that the file does not have

    private static readonly Configuration Settings = new()
    {
        MaxDegreeOfParallelism = 1, // each worker decodes an image of its own
        MemoryAllocator = MemoryAllocator.Create(new MemoryAllocatorOptions
        {
            MaximumPoolSizeMegabytes = 256,
            AllocationLimitMegabytes = 1024,
        }),
    };

    private static readonly SharpJpegDecoder Jpeg = new() { IgnoreMetadata = true };
    private static readonly GifDecoder Gif = new() { IgnoreMetadata = true, DecodingMode = FrameDecodingMode.First };
    private static readonly WebpDecoder Webp = new() { IgnoreMetadata = true };
    private static readonly BmpDecoder Bmp = new();
    private static readonly TiffDecoder Tiff = new() { IgnoreMetadata = true, DecodingMode = FrameDecodingMode.First };

    /// <summary>Decodes a file of a format, which its first bytes told.</summary>
    /// <exception cref="UndecodableImageException">It is damaged, or of a kind that is not read.</exception>
    public static ImageView Decode(ImageFormat format, ReadOnlySpan<byte> file, ImageBuffer destination)
    {
        byte[] copy = ArrayPool<byte>.Shared.Rent(file.Length + Spare);
        try
        {
            return format switch
            {
                ImageFormat.Jpeg => DecodeJpeg(file, destination),
                ImageFormat.Gif => DecodeGif(GifFrame.CopyTo(file, copy), copy, file.Length, destination),
                ImageFormat.WebP => DecodeWebp(file, copy, destination),
                ImageFormat.Bmp => Decode<Rgb24>(Bmp, file, BmpHeader.Read(file), destination),
                ImageFormat.Tiff => DecodeTiff(TiffDirectory.CopyTo(file, copy), copy, destination),
                _ => throw new ArgumentOutOfRangeException(nameof(format), format, "This format is read elsewhere."),
            };
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }

    private static ImageView DecodeJpeg(ReadOnlySpan<byte> file, ImageBuffer destination)
    {
        JpegSurvey survey = JpegMarkers.Survey(file);
        if (!survey.HasEnd)
        {
            throw new UndecodableImageException("the file is cut short");
        }

        if (survey.Scans > ImageLimits.MaxScans)
        {
            throw new UndecodableImageException($"{survey.Scans} scans are more than {ImageLimits.MaxScans}");
        }

        ImageLimits.Check(survey.Height, survey.Width, file.Length, ImageLimits.JpegPixelsPerByte);
        return Decode<Rgb24>(
            Jpeg, file, new EncodedPicture(file.Length, survey.Height, survey.Width), destination);
    }

    private static ImageView DecodeGif(EncodedPicture picture, byte[] copy, int fileSize, ImageBuffer destination)
    {
        ImageLimits.Check(picture.Height, picture.Width, fileSize, ImageLimits.GifPixelsPerByte);
        return Decode<Rgb24>(Gif, copy, picture, destination);
    }

    private static ImageView DecodeTiff(TiffDirectory page, byte[] copy, ImageBuffer destination) =>
        page.BitsPerSample > 8
            ? Decode<Rgb48>(Tiff, copy, page.Picture, destination)
            : Decode<Rgb24>(Tiff, copy, page.Picture, destination);

    private static ImageView DecodeWebp(ReadOnlySpan<byte> file, byte[] copy, ImageBuffer destination)
    {
        EncodedPicture picture = WebpChunks.CopyTo(file, copy, out WebpPlace place);
        CheckWebp(picture.Height, picture.Width, file.Length);
        if (place.CanvasHeight == 0 || (place.CanvasHeight, place.CanvasWidth) == (picture.Height, picture.Width))
        {
            return Decode<Rgb24>(Webp, copy, picture, destination);
        }

        CheckWebp(place.CanvasHeight, place.CanvasWidth, file.Length);
        if (place.Top + picture.Height > place.CanvasHeight || place.Left + picture.Width > place.CanvasWidth)
        {
            throw new UndecodableImageException("the first frame of the animation is not inside its canvas");
        }

        ImageView frame = Decode<Rgb24>(Webp, copy, picture, destination);
        Span<byte> canvas = destination.ReserveTurned(place.CanvasHeight * place.CanvasWidth * 3);
        canvas.Clear();
        int row = picture.Width * 3;
        for (int y = 0; y < picture.Height; y++)
        {
            frame.Pixels.Slice(y * row, row).CopyTo(
                canvas[((((place.Top + y) * place.CanvasWidth) + place.Left) * 3)..]);
        }

        canvas.CopyTo(destination.Reserve(canvas.Length)); // where an image is expected that may have to be turned
        return new ImageView(
            destination.Reserve(canvas.Length), place.CanvasHeight, place.CanvasWidth, channels: 3);
    }

    private static void CheckWebp(int height, int width, int fileSize) => ImageLimits.Check(
        height, width, Math.Max(fileSize, ImageLimits.WebpLeastPixels / ImageLimits.WebpPixelsPerByte),
        ImageLimits.WebpPixelsPerByte);

    // Of pixels of 16 bits a sample, the upper bytes count.
    private static unsafe ImageView Decode<TPixel>(
        ISharpDecoder decoder, ReadOnlySpan<byte> file, EncodedPicture picture, ImageBuffer destination)
        where TPixel : unmanaged, IPixel<TPixel>
    {
        try
        {
            fixed (byte* pinned = file)
            {
                using var stream = new UnmanagedMemoryStream(pinned, picture.SizeInBytes);
                using Image<TPixel> image = decoder.Decode<TPixel>(Settings, stream, CancellationToken.None);
                if ((image.Height, image.Width) != (picture.Height, picture.Width))
                {
                    throw new UndecodableImageException(
                        $"{picture.Width} x {picture.Height} pixels were announced, but {image.Width} x " +
                        $"{image.Height} are there");
                }

                Span<byte> pixels = destination.Reserve(checked(picture.Height * picture.Width * 3));
                int rowSize = picture.Width * 3;
                for (int y = 0; y < picture.Height; y++)
                {
                    Span<byte> target = pixels.Slice(y * rowSize, rowSize);
                    Span<TPixel> row = image.DangerousGetPixelRowMemory(y).Span;
                    if (typeof(TPixel) == typeof(Rgb48))
                    {
                        TakeUpperBytes(MemoryMarshal.Cast<TPixel, ushort>(row), target);
                    }
                    else
                    {
                        MemoryMarshal.AsBytes(row).CopyTo(target);
                    }
                }

                return new ImageView(pixels, picture.Height, picture.Width, channels: 3);
            }
        }
#pragma warning disable CA1031 // Damaged content makes it throw anything; whatever it is, the content is the reason.
        catch (Exception e) when (e is not UndecodableImageException and not OutOfMemoryException)
#pragma warning restore CA1031
        {
            throw new UndecodableImageException(e.Message.ReplaceLineEndings(" ").TrimEnd('.'), e);
        }
    }

    private static void TakeUpperBytes(ReadOnlySpan<ushort> samples, Span<byte> target)
    {
        for (int i = 0; i < target.Length; i++)
        {
            target[i] = (byte)(samples[i] >> 8);
        }
    }
}
