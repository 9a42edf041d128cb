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

    /// <summary>Whether a file begins as JPEG files do.</summary>
    public static bool IsJpeg(ReadOnlySpan<byte> file) => file is [Prefix, StartOfImage, Prefix, ..];

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
