using System.Buffers.Binary;

namespace CudaViT.Images;

/// <summary>Walks through the segments of a JPEG file (ITU-T T.81, annex B).</summary>
internal static class JpegMarkers
{
    private const byte Prefix = 0xFF;
    private const byte FirstRestart = 0xD0;
    private const byte LastRestart = 0xD7;
    private const byte StartOfImage = 0xD8;
    private const byte EndOfImage = 0xD9;
    private const byte StartOfScan = 0xDA;
    private const byte Application1 = 0xE1;

    /// <summary>Whether a file begins as JPEG files do.</summary>
    public static bool IsJpeg(ReadOnlySpan<byte> file) => file is [Prefix, StartOfImage, Prefix, ..];

    /// <summary>The first EXIF block before the compressed data; empty if there is none.</summary>
    public static ReadOnlySpan<byte> Exif(ReadOnlySpan<byte> file)
    {
        int position = 2;
        while (position + 4 <= file.Length && file[position] == Prefix)
        {
            byte marker = file[position + 1];
            if (marker == Prefix)
            {
                position++; // a filler
                continue;
            }

            int size = BinaryPrimitives.ReadUInt16BigEndian(file[(position + 2)..]); // itself included
            if (marker is StartOfScan or EndOfImage || size < 2 || position + 2 + size > file.Length)
            {
                break;
            }

            ReadOnlySpan<byte> content = file.Slice(position + 4, size - 2);
            if (marker == Application1 && content.StartsWith("Exif\0\0"u8))
            {
                return content[6..];
            }

            position += 2 + size;
        }

        return [];
    }

    /// <summary>
    /// Whether the end marker is there. One inside a segment, as of an embedded preview, does not count.
    /// </summary>
    public static bool HasEnd(ReadOnlySpan<byte> file)
    {
        int position = 2;
        while (position < file.Length)
        {
            // In compressed data 0xFF is followed by 0 or a restart marker; between segments it may be repeated.
            int next = file[position..].IndexOf(Prefix);
            if (next < 0 || position + next + 1 >= file.Length)
            {
                return false;
            }

            position += next + 1;
            byte marker = file[position];
            if (marker == EndOfImage)
            {
                return true;
            }

            if (marker == Prefix)
            {
                continue;
            }

            position++;
            bool hasLength = marker is not 0 and not 1 and not StartOfImage
                && marker is < FirstRestart or > LastRestart;
            if (hasLength && position + 2 <= file.Length)
            {
                position += Math.Max(2, (int)BinaryPrimitives.ReadUInt16BigEndian(file[position..]));
            }
        }

        return false;
    }
}
