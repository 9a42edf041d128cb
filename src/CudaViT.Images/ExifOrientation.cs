using System.Buffers.Binary;

namespace CudaViT.Images;

/// <summary>
/// Reads the orientation that a camera wrote beside the pixels: tag 0x0112 of the first directory of an EXIF block,
/// which is a TIFF file without an image (CIPA DC-008, "Exif version 2.3", section 4.5; TIFF revision 6.0, section
/// 2).
/// </summary>
internal static class ExifOrientation
{
    private const ushort Tag = 0x0112;
    private const ushort Short = 3;
    private const ushort Long = 4;
    private const int HeaderSize = 8;
    private const int EntrySize = 12;
    private const int ValueAt = 8; // within an entry

    /// <summary>Says how the stored image is to be turned.</summary>
    /// <param name="exif">The block, in either byte order; whatever it holds, only this much is read of it.</param>
    /// <returns>2 to 8 as in the standard; 1, upright, where there is no orientation that it knows.</returns>
    public static int Read(ReadOnlySpan<byte> exif)
    {
        bool isLittle = exif.StartsWith("II*\0"u8);
        if (exif.Length < HeaderSize || !(isLittle || exif.StartsWith("MM\0*"u8)))
        {
            return 1;
        }

        uint directory = UInt32(exif[4..], isLittle);
        if (directory > exif.Length - sizeof(ushort))
        {
            return 1;
        }

        ReadOnlySpan<byte> entries = exif[(int)directory..];
        int count = UInt16(entries, isLittle);
        entries = entries[sizeof(ushort)..];
        int orientation = 1;
        for (int i = 0; i < count && entries.Length >= EntrySize; i++, entries = entries[EntrySize..])
        {
            if (UInt16(entries, isLittle) == Tag)
            {
                orientation = Value(entries, isLittle);
            }
        }

        return orientation;
    }

    // One whole number, 1 to 8, and nothing else.
    private static int Value(ReadOnlySpan<byte> entry, bool isLittle)
    {
        uint value = (UInt16(entry[2..], isLittle), UInt32(entry[4..], isLittle)) switch
        {
            (Short, 1) => UInt16(entry[ValueAt..], isLittle),
            (Long, 1) => UInt32(entry[ValueAt..], isLittle),
            _ => 1,
        };
        return value is >= 1 and <= 8 ? (int)value : 1;
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, bool isLittle) => isLittle
        ? BinaryPrimitives.ReadUInt16LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private static uint UInt32(ReadOnlySpan<byte> bytes, bool isLittle) => isLittle
        ? BinaryPrimitives.ReadUInt32LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
