namespace CudaViT.Data.Sets;

/// <summary>Formats of image files, as far as data sets and decoders tell them apart.</summary>
public enum ImageFormat
{
    /// <summary>JPEG: .jpg, .jpeg, .jpe, .jfif.</summary>
    Jpeg,

    /// <summary>PNG: .png.</summary>
    Png,

    /// <summary>GIF: .gif.</summary>
    Gif,

    /// <summary>WebP: .webp.</summary>
    WebP,

    /// <summary>Windows bitmap: .bmp, .dib.</summary>
    Bmp,

    /// <summary>TIFF: .tif, .tiff.</summary>
    Tiff,

    /// <summary>
    /// An image that nothing here decodes: HEIC and AVIF, JPEG 2000 and JPEG XL, and what cameras write before
    /// development.
    /// </summary>
    Other,
}

/// <summary>Knows image files by their names and by their first bytes.</summary>
/// <remarks>
/// Whether a file belongs to a data set is asked of its name, since a name costs nothing; only a file whose name says
/// nothing is looked into. What decodes it goes by the content alone.
/// </remarks>
public static class ImageFormats
{
    /// <summary>Bytes at the start of a file that <see cref="OfContent"/> looks at.</summary>
    public const int SniffedBytes = 12;

    private static readonly Dictionary<string, ImageFormat>.AlternateLookup<ReadOnlySpan<char>> Extensions =
        new Dictionary<string, ImageFormat>(StringComparer.OrdinalIgnoreCase)
        {
            ["jpg"] = ImageFormat.Jpeg,
            ["jpeg"] = ImageFormat.Jpeg,
            ["jpe"] = ImageFormat.Jpeg,
            ["jfif"] = ImageFormat.Jpeg,
            ["png"] = ImageFormat.Png,
            ["gif"] = ImageFormat.Gif,
            ["webp"] = ImageFormat.WebP,
            ["bmp"] = ImageFormat.Bmp,
            ["dib"] = ImageFormat.Bmp,
            ["tif"] = ImageFormat.Tiff,
            ["tiff"] = ImageFormat.Tiff,
            ["heic"] = ImageFormat.Other,
            ["heif"] = ImageFormat.Other,
            ["avif"] = ImageFormat.Other,
            ["jxl"] = ImageFormat.Other,
            ["jp2"] = ImageFormat.Other,
            // Camera files are TIFF by their first bytes, but decode to a thumbnail, often of a JPEG beside them.
            ["dng"] = ImageFormat.Other,
            ["cr2"] = ImageFormat.Other,
            ["cr3"] = ImageFormat.Other,
            ["nef"] = ImageFormat.Other,
            ["arw"] = ImageFormat.Other,
            ["orf"] = ImageFormat.Other,
            ["raf"] = ImageFormat.Other,
            ["rw2"] = ImageFormat.Other,
        }.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The format that a file's name tells by its extension, in capitals or not; null if it tells
    /// none.</summary>
    public static ImageFormat? OfName(ReadOnlySpan<char> name) => OfExtension(Path.GetExtension(name).TrimStart('.'));

    /// <summary>The format of an extension without its dot; null if it is not that of an image.</summary>
    public static ImageFormat? OfExtension(ReadOnlySpan<char> extension) =>
        Extensions.TryGetValue(extension, out ImageFormat format) ? format : null;

    /// <summary>The format that a file's content begins as; null if it is none of these.</summary>
    /// <param name="start">The first <see cref="SniffedBytes"/> bytes or more, or all of a shorter file.</param>
    public static ImageFormat? OfContent(ReadOnlySpan<byte> start) => start switch
    {
        [0xFF, 0xD8, 0xFF, ..] => ImageFormat.Jpeg,
        [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => ImageFormat.Png,
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', (byte)'7' or (byte)'9', (byte)'a', ..] => ImageFormat.Gif,
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] =>
            ImageFormat.WebP,
        [(byte)'B', (byte)'M', _, _, _, _, 0, 0, 0, 0, ..] => ImageFormat.Bmp, // then its size, and four zeros
        [(byte)'I', (byte)'I', 42, 0, ..] or [(byte)'M', (byte)'M', 0, 42, ..] => ImageFormat.Tiff,
        [_, _, _, _, (byte)'f', (byte)'t', (byte)'y', (byte)'p', .. ReadOnlySpan<byte> brand]
            when IsStillImage(brand) => ImageFormat.Other,
        [0xFF, 0x0A, ..] or [0, 0, 0, 12, (byte)'J' or (byte)'j', ..] => ImageFormat.Other, // JPEG XL, JPEG 2000
        _ => null,
    };

    // Files of this family (ISO/IEC 14496-12) are mostly films; these brands are HEIF's and AVIF's.
    private static bool IsStillImage(ReadOnlySpan<byte> brand) =>
        brand.Length >= 4 && (brand[..2].SequenceEqual("he"u8) || brand[..3].SequenceEqual("avi"u8)
            || brand[..4].SequenceEqual("mif1"u8) || brand[..4].SequenceEqual("msf1"u8)
            || brand[..3].SequenceEqual("crx"u8));
}
