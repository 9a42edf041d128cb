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
    private const int FrameHeader = 7; // length, bits, height and width

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
    public static bool HasEnd(ReadOnlySpan<byte> file) => Survey(file).HasEnd;

    /// <summary>Walks through a whole file: what its first frame announces, and how many scans it has.</summary>
    public static JpegSurvey Survey(ReadOnlySpan<byte> file)
    {
        (int height, int width, int scans) = (0, 0, 0);
        int position = 2;
        while (position < file.Length)
        {
            // In compressed data 0xFF is followed by 0 or a restart marker; between segments it may be repeated.
            int next = file[position..].IndexOf(Prefix);
            if (next < 0 || position + next + 1 >= file.Length)
            {
                break;
            }

            position += next + 1;
            byte marker = file[position];
            if (marker == EndOfImage)
            {
                return new JpegSurvey(height, width, scans, HasEnd: true);
            }

            if (marker == Prefix)
            {
                continue;
            }

            position++;
            if (IsFrame(marker) && width == 0 && position + FrameHeader <= file.Length)
            {
                height = BinaryPrimitives.ReadUInt16BigEndian(file[(position + 3)..]);
                width = BinaryPrimitives.ReadUInt16BigEndian(file[(position + 5)..]);
            }

            scans += marker == StartOfScan ? 1 : 0;
            bool hasLength = marker is not 0 and not 1 and not StartOfImage
                && marker is < FirstRestart or > LastRestart;
            if (hasLength && position + 2 <= file.Length)
            {
                position += Math.Max(2, (int)BinaryPrimitives.ReadUInt16BigEndian(file[position..]));
            }
        }

        return new JpegSurvey(height, width, scans, HasEnd: false);
    }

    // 0xC0 to 0xCF but for tables of codes and conditions, and one that is reserved.
    private static bool IsFrame(byte marker) => marker is >= 0xC0 and <= 0xCF and not 0xC4 and not 0xC8 and not 0xCC;
}

/// <summary>What the markers of a JPEG file say.</summary>
/// <param name="Height">Rows; 0 if it has no frame.</param>
/// <param name="Width">Columns.</param>
/// <param name="Scans">Visits to the pixels.</param>
/// <param name="HasEnd">Whether the end marker is there.</param>
internal readonly record struct JpegSurvey(int Height, int Width, int Scans, bool HasEnd);
