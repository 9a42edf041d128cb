using System.Buffers.Binary;
using CudaViT.Data.Sets;

namespace CudaViT.Images.Managed;

/// <summary>The frame of a WebP file: chunks of a RIFF container ("WebP Container Specification").</summary>
internal static class WebpChunks
{
    private const int RiffHeader = 12;
    private const int ChunkHeader = 8;
    private const int AnimationFrameHeader = 16;
    private const byte LosslessMark = 0x2F;

    /// <summary>The first EXIF block; empty if there is none.</summary>
    public static ReadOnlySpan<byte> Exif(ReadOnlySpan<byte> file)
    {
        ReadOnlySpan<byte> rest = Chunks(file);
        while (TryNext(ref rest, out ReadOnlySpan<byte> chunk))
        {
            if (chunk.StartsWith("EXIF"u8))
            {
                ReadOnlySpan<byte> content = chunk[ChunkHeader..];
                return content.StartsWith("Exif\0\0"u8) ? content[6..] : content; // as a JPEG file has it
            }
        }

        return [];
    }

    /// <summary>
    /// Copies the chunk that holds the first picture into a file of its own, without alpha, profiles and texts.
    /// </summary>
    /// <param name="file">The file.</param>
    /// <param name="destination">As long as the file and <see cref="RiffHeader"/> bytes more.</param>
    /// <param name="place">Where it stands on the canvas of an animation; else all zeros.</param>
    /// <returns>The copy, and the size of the picture.</returns>
    public static EncodedPicture CopyTo(ReadOnlySpan<byte> file, byte[] destination, out WebpPlace place)
    {
        place = default;
        ReadOnlySpan<byte> rest = Chunks(file);
        (int canvasHeight, int canvasWidth) = (0, 0);
        while (TryNext(ref rest, out ReadOnlySpan<byte> chunk))
        {
            ReadOnlySpan<byte> content = chunk[ChunkHeader..];
            if (chunk.StartsWith("VP8X"u8) && content.Length >= 10)
            {
                (canvasWidth, canvasHeight) = (1 + Number24(content[4..]), 1 + Number24(content[7..]));
            }
            else if (chunk.StartsWith("ANMF"u8) && content.Length >= AnimationFrameHeader)
            {
                place = new WebpPlace(
                    2 * Number24(content[3..]), 2 * Number24(content), canvasHeight, canvasWidth);
                rest = content[AnimationFrameHeader..]; // the first picture in there is the one
            }
            else if (chunk.StartsWith("VP8 "u8) || chunk.StartsWith("VP8L"u8))
            {
                return Copy(chunk, destination);
            }
        }

        throw new UndecodableImageException("the WebP file has no picture");
    }

    private static EncodedPicture Copy(ReadOnlySpan<byte> chunk, byte[] destination)
    {
        int size = RiffHeader + chunk.Length + (chunk.Length & 1);
        "RIFF"u8.CopyTo(destination);
        BinaryPrimitives.WriteInt32LittleEndian(destination.AsSpan(4), size - 8);
        "WEBP"u8.CopyTo(destination.AsSpan(8));
        chunk.CopyTo(destination.AsSpan(RiffHeader));
        destination.AsSpan(RiffHeader + chunk.Length, chunk.Length & 1).Clear();
        ReadOnlySpan<byte> content = chunk[ChunkHeader..];
        if (chunk[3] == 'L' && content.Length > 4 && content[0] == LosslessMark)
        {
            uint bits = BinaryPrimitives.ReadUInt32LittleEndian(content[1..]);
            return new EncodedPicture(size, 1 + (int)((bits >> 14) & 0x3FFF), 1 + (int)(bits & 0x3FFF));
        }

        if (chunk[3] == ' ' && content.Length >= 10)
        {
            int width = BinaryPrimitives.ReadUInt16LittleEndian(content[6..]) & 0x3FFF;
            int height = BinaryPrimitives.ReadUInt16LittleEndian(content[8..]) & 0x3FFF;
            return new EncodedPicture(size, height, width);
        }

        throw new UndecodableImageException("the WebP header is damaged");
    }

    // What follows the header; a file cut short is told by the size that stands there.
    private static ReadOnlySpan<byte> Chunks(ReadOnlySpan<byte> file)
    {
        if (file.Length < RiffHeader || BinaryPrimitives.ReadUInt32LittleEndian(file[4..]) > file.Length - 8)
        {
            throw new UndecodableImageException("the file is cut short");
        }

        return file[RiffHeader..];
    }

    private static bool TryNext(scoped ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> chunk)
    {
        chunk = default;
        if (rest.Length < ChunkHeader)
        {
            return false;
        }

        long size = ChunkHeader + (long)BinaryPrimitives.ReadUInt32LittleEndian(rest[4..]);
        if (size > rest.Length)
        {
            return false;
        }

        chunk = rest[..(int)size];
        rest = rest[(int)Math.Min(size + (size & 1), rest.Length)..];
        return true;
    }

    private static int Number24(ReadOnlySpan<byte> bytes) => bytes[0] | (bytes[1] << 8) | (bytes[2] << 16);
}

/// <summary>Where the frame of an animation stands on its canvas.</summary>
/// <param name="Top">First row.</param>
/// <param name="Left">First column.</param>
/// <param name="CanvasHeight">Rows of the canvas; 0 without an animation.</param>
/// <param name="CanvasWidth">Columns of the canvas.</param>
internal readonly record struct WebpPlace(int Top, int Left, int CanvasHeight, int CanvasWidth);
