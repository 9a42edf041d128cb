using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;

namespace CudaViT.Images;

/// <summary>
/// Decodes JPEG by libjpeg-turbo and PNG by libpng, to the bytes that Pillow's <c>convert("RGB")</c> gives. Which of
/// the two a file is shows in its first bytes, whatever its name says. Safe to use from several threads.
/// </summary>
/// <remarks>
/// As there, grey is copied to three channels, CMYK is converted, alpha is dropped, and an orientation written beside
/// the pixels (EXIF) is applied only on request, as <c>ImageOps.exif_transpose</c> does. The libraries are looked for when
/// they are first needed.
/// </remarks>
/// <param name="turnsUpright">Whether to apply the orientation that EXIF data gives.</param>
public sealed class ImageDecoder(bool turnsUpright = false) : IImageDecoder
{
    private readonly JpegDecoder _jpeg = new();

    /// <inheritdoc/>
    public bool Knows(ImageFormat format) => format is ImageFormat.Jpeg or ImageFormat.Png;

    /// <inheritdoc/>
    public void Require(ImageFormat format) =>
        (format == ImageFormat.Png ? ImageLibraries.Png : ImageLibraries.TurboJpeg).Require();

    /// <inheritdoc/>
    public ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        bool isJpeg = JpegMarkers.IsJpeg(file);
        if (!isJpeg && !PngChunks.IsPng(file))
        {
            throw new UndecodableImageException(
                file.IsEmpty ? "the file is empty" : "the content is neither JPEG nor PNG");
        }

        int orientation = turnsUpright
            ? ExifOrientation.Read(isJpeg ? JpegMarkers.Exif(file) : PngChunks.Exif(file))
            : 1;
        if (scale is not null && Turning.SwapsAxes(orientation))
        {
            scale = new OnItsSide(scale);
        }

        ImageView image = isJpeg ? _jpeg.Decode(file, scale, destination) : PngDecoder.Decode(file, destination);
        return orientation == 1 ? image : Turning.Apply(image, orientation, destination);
    }

    /// <summary>A scale for an image whose height and width will change places.</summary>
    private sealed class OnItsSide(IDecodeScale upright) : IDecodeScale
    {
        public double Smallest(int height, int width) => upright.Smallest(width, height);
    }
}
