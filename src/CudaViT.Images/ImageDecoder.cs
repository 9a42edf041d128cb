using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Images.Managed;

namespace CudaViT.Images;

/// <summary>
/// Decodes JPEG, PNG, WebP, GIF, BMP and TIFF to the bytes that Pillow's <c>convert("RGB")</c> gives. Which of them a
/// file is shows in its first bytes, whatever its name says. Safe to use from several threads.
/// </summary>
/// <remarks>
/// As there, grey is copied to three channels, CMYK is converted, alpha is dropped, the first picture of several
/// counts, and an orientation written beside the pixels (EXIF) is applied only on request, as
/// <c>ImageOps.exif_transpose</c> does; in TIFF files always, as Pillow has it too. JPEG and PNG are read by
/// libjpeg-turbo and libpng where these are there; the rest, and where they are not, by managed code. Pixels of JPEG
/// files then differ, the others do not.
/// </remarks>
/// <param name="turnsUpright">Whether to apply the orientation that EXIF data gives.</param>
/// <param name="kind">Who decodes JPEG and PNG.</param>
/// <param name="note">Is told, once for each, what is slower or other than one may expect; null for nobody.</param>
public sealed class ImageDecoder(
    bool turnsUpright = false, DecoderKind kind = DecoderKind.Auto, Action<string>? note = null) : IImageDecoder
{
    /// <summary>How far pixels of JPEG files differ between the two decoders, in words.</summary>
    internal const string Difference =
        "pixels differ by up to 3 levels of 255, or some 20 at edges where colours have half the resolution";

    private readonly JpegDecoder _jpeg = new();
    private readonly Lazy<bool> _isJpegNative = new(() =>
        kind == DecoderKind.Native || (kind == DecoderKind.Auto && ImageLibraries.TurboJpeg.File is not null));

    private readonly Lazy<bool> _isPngNative = new(() =>
        kind != DecoderKind.Managed && ImageLibraries.Png.File is not null);

    private int _toldFormats; // a bit for each

    /// <summary>What decoded the JPEG files that a model was trained on; null where there is no such model.</summary>
    public DecoderKind? Trained { get; init; }

    /// <inheritdoc/>
    public bool Knows(ImageFormat format) => format != ImageFormat.Other;

    /// <inheritdoc/>
    public void Require(ImageFormat format)
    {
        if (format == ImageFormat.Jpeg && kind == DecoderKind.Native)
        {
            ImageLibraries.TurboJpeg.Require(" Or let managed code decode them: --decoder managed.");
        }

        Tell(format);
    }

    /// <inheritdoc/>
    public ImageView Decode(ReadOnlySpan<byte> file, IDecodeScale? scale, ImageBuffer destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        ImageFormat format = FormatOf(file);
        Tell(format);
        int orientation = Orientation(format, file);
        if (scale is not null && Turning.SwapsAxes(orientation))
        {
            scale = new OnItsSide(scale);
        }

        ImageView image = format switch
        {
            ImageFormat.Jpeg when _isJpegNative.Value => _jpeg.Decode(file, scale, destination),
            ImageFormat.Png when _isPngNative.Value => PngDecoder.Decode(file, destination),
            ImageFormat.Png => PngReader.Decode(file, destination),
            _ => ManagedDecoder.Decode(format, file, destination),
        };
        return orientation == 1 ? image : Turning.Apply(image, orientation, destination);
    }

    private static ImageFormat FormatOf(ReadOnlySpan<byte> file) => ImageFormats.OfContent(file) switch
    {
        null => throw new UndecodableImageException(
            file.IsEmpty ? "the file is empty" : "the content is none of JPEG, PNG, WebP, GIF, BMP and TIFF"),
        ImageFormat.Other => throw new UndecodableImageException(
            "the content is HEIC, AVIF, JPEG XL or another format that is not read here; convert it to JPEG or PNG"),
        { } format => format,
    };

    private int Orientation(ImageFormat format, ReadOnlySpan<byte> file) =>
        format == ImageFormat.Tiff ? ExifOrientation.Read(file) // an EXIF block is a TIFF file without an image
        : !turnsUpright ? 1
        : format switch
        {
            ImageFormat.Jpeg => ExifOrientation.Read(JpegMarkers.Exif(file)),
            ImageFormat.Png => ExifOrientation.Read(PngChunks.Exif(file)),
            ImageFormat.WebP => ExifOrientation.Read(WebpChunks.Exif(file)),
            _ => 1,
        };

    private void Tell(ImageFormat format)
    {
        int bit = 1 << (int)format;
        if (note is not null && (Volatile.Read(ref _toldFormats) & bit) == 0
            && (Interlocked.Or(ref _toldFormats, bit) & bit) == 0
            && NoteOn(format) is { } text)
        {
            note(text);
        }
    }

    private string? NoteOn(ImageFormat format)
    {
        if (format == ImageFormat.Jpeg && _isJpegNative.Value)
        {
            return Trained != DecoderKind.Managed ? null
                : $"managed code decoded the JPEG files of the training, and {ImageLibraries.TurboJpeg.Name} decodes "
                    + $"these: {Difference}; to do as in the training: --decoder managed";
        }

        string trained = Trained == DecoderKind.Native
            ? $"; {ImageLibraries.TurboJpeg.Name} decoded those of the training"
            : "";
        bool isFallback = kind == DecoderKind.Auto;
        return format switch
        {
            ImageFormat.Jpeg when isFallback =>
                $"{Missing(ImageLibraries.TurboJpeg)}; managed code decodes the JPEG files, 1.3 to 2.3 times slower, "
                    + $"and {Difference}{trained}; to install it: {ImageLibraries.TurboJpeg.Install}",
            ImageFormat.Jpeg when trained.Length > 0 => $"managed code decodes the JPEG files: {Difference}{trained}",
            ImageFormat.Png when isFallback && !_isPngNative.Value =>
                $"{Missing(ImageLibraries.Png)}; managed code decodes the PNG files, 1.4 times slower, to the "
                    + $"same pixels; to install it: {ImageLibraries.Png.Install}",
            _ => null,
        };
    }

    private static string Missing(ImageLibrary library) =>
        $"{library.Name} was not found (tried {string.Join(", ", library.Candidates)})";

    /// <summary>A scale for an image whose height and width will change places.</summary>
    private sealed class OnItsSide(IDecodeScale upright) : IDecodeScale
    {
        public double Smallest(int height, int width) => upright.Smallest(width, height);
    }
}
