using System.Buffers.Binary;
using CudaViT.Data.Sets;

namespace CudaViT.Images;

/// <summary>The frame of a PNG file: signature and chunks (ISO/IEC 15948).</summary>
internal static class PngChunks
{
    private const int SignatureSize = 8;
    private const int ChunkFrame = 12; // length and name before, checksum after the content
    private const int HeaderSize = 13;
    private const uint Header = 0x49484452;  // IHDR
    private const uint Palette = 0x504C5445; // PLTE
    private const uint Data = 0x49444154;    // IDAT
    private const uint End = 0x49454E44;     // IEND
    private const uint ExifBlock = 0x65584966; // eXIf

    private static readonly uint[] ChecksumSteps = [.. Enumerable.Range(0, 256).Select(value =>
    {
        uint step = (uint)value;
        for (int bit = 0; bit < 8; bit++)
        {
            step = (step & 1) == 0 ? step >> 1 : (step >> 1) ^ 0xEDB88320;
        }

        return step;
    })];

    /// <summary>Whether a file begins as PNG files do.</summary>
    public static bool IsPng(ReadOnlySpan<byte> file) =>
        file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);

    /// <summary>The header, which must be the first chunk.</summary>
    public static PngHeader ReadHeader(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> rest = file[SignatureSize..];
        if (rest.Length < ChunkFrame + HeaderSize || BinaryPrimitives.ReadUInt32BigEndian(rest) != HeaderSize
            || BinaryPrimitives.ReadUInt32BigEndian(rest[4..]) != Header)
        {
            throw new UndecodableImageException("the PNG header is missing");
        }

        uint width = BinaryPrimitives.ReadUInt32BigEndian(rest[8..]);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(rest[12..]);
        return new PngHeader(height, width, rest[16], rest[17], rest[18], rest[19], rest[20]);
    }

    /// <summary>The last EXIF block, which may stand before the pixels or after them; empty if there is none.</summary>
    public static ReadOnlySpan<byte> Exif(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> exif = [];
        ReadOnlySpan<byte> rest = file[SignatureSize..];
        while (TryNext(ref rest, out uint name, out ReadOnlySpan<byte> chunk) && name != End)
        {
            exif = name == ExifBlock ? chunk[8..^4] : exif;
        }

        return exif;
    }

    /// <summary>
    /// Copies header, palette, pixels and end. What is left out (transparent colours, gamma, profiles, texts) would
    /// change the pixels, or may unpack to any size.
    /// </summary>
    /// <returns>The part of <paramref name="destination"/> that was written.</returns>
    public static Span<byte> CopyCritical(ReadOnlySpan<byte> file, Span<byte> destination)
    {
        file[..SignatureSize].CopyTo(destination);
        int written = SignatureSize;
        ReadOnlySpan<byte> rest = file[SignatureSize..];
        while (TryNext(ref rest, out uint name, out ReadOnlySpan<byte> chunk))
        {
            if (name is Header or Palette or Data or End)
            {
                chunk.CopyTo(destination[written..]);
                written += chunk.Length;
            }

            if (name == End)
            {
                return destination[..written];
            }
        }

        throw new UndecodableImageException("the file is cut short");
    }

    /// <summary>Copies the compressed pixels, without the chunks around them, and the palette.</summary>
    /// <param name="file">The file, whose header was read.</param>
    /// <param name="data">As long as the file at least.</param>
    /// <param name="palette">Three bytes for each of 256 colours; those that are not named stay as they are.</param>
    /// <param name="hasPalette">Whether there was one.</param>
    /// <returns>Bytes of compressed pixels.</returns>
    public static int CopyData(ReadOnlySpan<byte> file, Span<byte> data, Span<byte> palette, out bool hasPalette)
    {
        int written = 0;
        hasPalette = false;
        ReadOnlySpan<byte> rest = file[SignatureSize..];
        while (TryNext(ref rest, out uint name, out ReadOnlySpan<byte> chunk))
        {
            if (name is not (Header or Palette or Data or End))
            {
                continue;
            }

            if (Checksum(chunk[4..^4]) != BinaryPrimitives.ReadUInt32BigEndian(chunk[^4..]))
            {
                throw new UndecodableImageException("a PNG chunk has a wrong checksum");
            }

            ReadOnlySpan<byte> content = chunk[8..^4];
            switch (name)
            {
                case Palette when content.Length > palette.Length || content.Length % 3 != 0:
                    throw new UndecodableImageException($"the PNG palette has {content.Length} bytes");
                case Palette:
                    content.CopyTo(palette);
                    hasPalette = true;
                    break;
                case Data:
                    content.CopyTo(data[written..]);
                    written += content.Length;
                    break;
                case End:
                    return written;
            }
        }

        throw new UndecodableImageException("the file is cut short");
    }

    // The next chunk with its frame; false where the rest has none, or not all of it.
    private static bool TryNext(scoped ref ReadOnlySpan<byte> rest, out uint name, out ReadOnlySpan<byte> chunk)
    {
        name = 0;
        chunk = default;
        if (rest.Length < ChunkFrame)
        {
            return false;
        }

        long size = BinaryPrimitives.ReadUInt32BigEndian(rest) + (long)ChunkFrame;
        name = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
        if (size > rest.Length)
        {
            return false;
        }

        chunk = rest[..(int)size];
        rest = rest[(int)size..];
        return true;
    }

    private static uint Checksum(ReadOnlySpan<byte> content)
    {
        uint sum = uint.MaxValue;
        foreach (byte value in content)
        {
            sum = ChecksumSteps[(byte)(sum ^ value)] ^ (sum >> 8);
        }

        return ~sum;
    }
}

/// <summary>What the first chunk of a PNG file says.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Depth">Bits of a sample: 1, 2, 4, 8 or 16.</param>
/// <param name="ColorType">0 grey, 2 colour, 3 with a palette, 4 grey and alpha, 6 colour and alpha.</param>
/// <param name="Compression">0.</param>
/// <param name="Filter">0.</param>
/// <param name="Interlace">0, or 1 for Adam7.</param>
internal readonly record struct PngHeader(
    uint Height, uint Width, int Depth, int ColorType, int Compression, int Filter, int Interlace)
{
    /// <summary>Samples of a pixel, alpha included.</summary>
    public int Samples => ColorType switch { 2 => 3, 4 => 2, 6 => 4, _ => 1 };

    /// <summary>Whether samples are followed by one of alpha.</summary>
    public bool HasAlpha => ColorType is 4 or 6;

    /// <summary>Whether the rows come in seven passes.</summary>
    public bool IsInterlaced => Interlace == 1;

    /// <summary>Bits of all samples of a pixel.</summary>
    public int BitsPerPixel => Samples * Depth;

    /// <summary>Bytes of a row of <paramref name="columns"/> pixels.</summary>
    public long RowSize(int columns) => (((long)columns * BitsPerPixel) + 7) / 8;

    /// <summary>Refuses an image that is empty, too large, or larger than its file can possibly hold.</summary>
    public void RequireLimits(long fileSizeInBytes) =>
        ImageLimits.Check(
            Height, Width, fileSizeInBytes, ImageLimits.DeflatePixelsPerByte / (Samples * Math.Max(Depth, 1)));

    /// <summary>Refuses what the format does not have.</summary>
    public void RequireKnown()
    {
        bool isKnown = (ColorType, Depth) is
            (0, 1 or 2 or 4 or 8 or 16) or (3, 1 or 2 or 4 or 8) or (2 or 4 or 6, 8 or 16);
        if (!isKnown || Compression != 0 || Filter != 0 || Interlace > 1)
        {
            throw new UndecodableImageException(
                $"the PNG header announces colour type {ColorType} of {Depth} bits, compression {Compression}, " +
                $"filter {Filter} and interlacing {Interlace}, which the format does not have together");
        }
    }
}
