using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>Turns image files into pixels. Safe to use from several threads.</summary>
public interface IImageDecoder
{
    /// <summary>
    /// Whether this decoder is made for files of a format, be its libraries there or not. Data sets leave out files of
    /// the other formats, and say how many.
    /// </summary>
    bool Knows(ImageFormat format);

    /// <summary>
    /// Throws unless files of a format can be decoded here. Data sets ask when they are opened, so that a missing
    /// library does not show up in the middle of something.
    /// </summary>
    /// <param name="format">One that this decoder <see cref="Knows"/>.</param>
    /// <exception cref="InputException">They cannot; the message says what is missing.</exception>
    void Require(ImageFormat format);

    /// <summary>Decodes a file to red, green and blue.</summary>
    /// <param name="file">The whole content of the file.</param>
    /// <param name="scale">How small the result may be; null for the full size.</param>
    /// <param name="destination">Memory for the pixels.</param>
    /// <returns>[height, width, 3]; valid until <paramref name="destination"/> is used again.</returns>
    /// <exception cref="UndecodableImageException">The content is damaged, or of no known format.</exception>
    /// <exception cref="InputException">No file of this format can be decoded here.</exception>
    ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination);
}

/// <summary>One image is damaged or of no known format; a run goes on without it.</summary>
public sealed class UndecodableImageException(string message, Exception? inner = null)
    : DatasetException(message, inner);

/// <summary>Knows what will be cut out of an image, and so how coarsely it may be decoded.</summary>
public interface IDecodeScale
{
    /// <summary>
    /// The smallest share of its full height and width that an image may be decoded to, when nothing may have to be
    /// enlarged afterwards that need not be enlarged at full size; above 1 where even that is too small.
    /// </summary>
    /// <param name="height">Rows of the full image.</param>
    /// <param name="width">Columns of the full image.</param>
    double Smallest(int height, int width);
}

/// <summary>Who decodes JPEG and PNG files. Only of JPEG do the pixels depend on it.</summary>
public enum DecoderKind
{
    /// <summary>libjpeg-turbo and libpng where they are installed, else managed code.</summary>
    Auto,

    /// <summary>libjpeg-turbo, without which JPEG files are refused; libpng where it is installed.</summary>
    Native,

    /// <summary>Managed code, on every machine.</summary>
    Managed,
}
