using CudaViT.Training.Data;

namespace CudaViT.Images;

/// <summary>
/// Decodes JPEG by libjpeg-turbo and PNG by libpng, to the bytes that Pillow's <c>convert("RGB")</c> gives. Which of
/// the two a file is shows in its first bytes, whatever its name says. Safe to use from several threads.
/// </summary>
/// <remarks>
/// As there, grey is copied to three channels, CMYK is converted, alpha is dropped, and an orientation written beside
/// the pixels (EXIF) is not applied. The libraries are looked for when the first file of their kind is decoded.
/// </remarks>
public sealed class ImageDecoder : IImageDecoder
{
    private readonly JpegDecoder _jpeg = new();

    /// <inheritdoc/>
    public ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        return JpegMarkers.IsJpeg(file) ? _jpeg.Decode(file, scale, destination)
            : PngChunks.IsPng(file) ? PngDecoder.Decode(file, destination)
            : throw new UndecodableImageException(
                file.IsEmpty ? "the file is empty" : "the content is neither JPEG nor PNG");
    }
}
