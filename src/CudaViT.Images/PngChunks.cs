using System.Buffers.Binary;
using CudaViT.Data.Sets;

namespace CudaViT.Images;

/// <summary>The frame of a PNG file: signature and chunks (ISO/IEC 15948).</summary>
internal static class PngChunks
{
    private const int SignatureSize = 8;
    private const int ChunkFrame = 12; // length and name before, checksum after the content
    private const uint Header = 0x49484452;  // IHDR
    private const uint Palette = 0x504C5445; // PLTE
    private const uint Data = 0x49444154;    // IDAT
    private const uint End = 0x49454E44;     // IEND
    private const uint ExifBlock = 0x65584966; // eXIf

    /// <summary>Whether a file begins as PNG files do.</summary>
    public static bool IsPng(ReadOnlySpan<byte> file) =>
        file.StartsWith((ReadOnlySpan<byte>)[0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);

    /// <summary>Size, bits of a sample and colour type from the header, which must be the first chunk.</summary>
    public static (uint Height, uint Width, int Depth, int ColorType) ReadHeader(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> rest = file[SignatureSize..];
        if (rest.Length < ChunkFrame + 13 || BinaryPrimitives.ReadUInt32BigEndian(rest) != 13
            || BinaryPrimitives.ReadUInt32BigEndian(rest[4..]) != Header)
        {
            throw new UndecodableImageException("the PNG header is missing");
        }

        uint width = BinaryPrimitives.ReadUInt32BigEndian(rest[8..]);
        uint height = BinaryPrimitives.ReadUInt32BigEndian(rest[12..]);
        return (height, width, rest[16], rest[17]);
    }

    /// <summary>The last EXIF block, which may stand before the pixels or after them; empty if there is none.</summary>
    public static ReadOnlySpan<byte> Exif(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> exif = [];
        ReadOnlySpan<byte> rest = file[SignatureSize..];
        while (rest.Length >= ChunkFrame)
        {
            long size = BinaryPrimitives.ReadUInt32BigEndian(rest) + (long)ChunkFrame;
            uint name = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
            if (size > rest.Length || name == End)
            {
                break;
            }

            exif = name == ExifBlock ? rest[8..(int)(size - 4)] : exif;
            rest = rest[(int)size..];
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
        while (rest.Length >= ChunkFrame)
        {
            long size = BinaryPrimitives.ReadUInt32BigEndian(rest) + (long)ChunkFrame;
            uint name = BinaryPrimitives.ReadUInt32BigEndian(rest[4..]);
            if (size > rest.Length)
            {
                break;
            }

            if (name is Header or Palette or Data or End)
            {
                rest[..(int)size].CopyTo(destination[written..]);
                written += (int)size;
            }

            if (name == End)
            {
                return destination[..written];
            }

            rest = rest[(int)size..];
        }

        throw new UndecodableImageException("the file is cut short");
    }
}
