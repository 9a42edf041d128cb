using System.Buffers.Binary;
using CudaViT.Data.Sets;

namespace CudaViT.Images.Managed;

/// <summary>The first page of a TIFF file (revision 6.0, section 2): its size, and what its samples are.</summary>
/// <param name="Picture">The copy of the file and the size of the page.</param>
/// <param name="BitsPerSample">1 to 16.</param>
internal readonly record struct TiffDirectory(EncodedPicture Picture, int BitsPerSample)
{
    private const int EntrySize = 12;
    private const ushort Short = 3;

    private const int Deflate = 8;
    private const int OldDeflate = 32946;
    private const int PackBits = 32773;

    /// <summary>Copies a file and ends it after its first page, so that the others cost nothing.</summary>
    /// <param name="file">The file.</param>
    /// <param name="destination">As long as the file.</param>
    /// <exception cref="UndecodableImageException">It is damaged, too large, or of a kind that is not read.</exception>
    public static TiffDirectory CopyTo(ReadOnlySpan<byte> file, byte[] destination)
    {
        bool isLittle = file.StartsWith("II"u8);
        uint offset = file.Length < 8 ? 0 : UInt32(file[4..], isLittle);
        if (offset < 8 || offset > file.Length - 2)
        {
            throw new UndecodableImageException("the file is cut short");
        }

        ReadOnlySpan<byte> directory = file[(int)offset..];
        int count = UInt16(directory, isLittle);
        if (count * EntrySize + 6 > directory.Length)
        {
            throw new UndecodableImageException("the file is cut short");
        }

        (uint width, uint height, uint bits, uint compression, uint format) = (0, 0, 1, 1, 1);
        ReadOnlySpan<byte> places = [];
        ReadOnlySpan<byte> sizes = [];
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = directory.Slice(2 + (i * EntrySize), EntrySize);
            uint value = Value(file, entry, isLittle, index: 0);
            switch (UInt16(entry, isLittle))
            {
                case 256: width = value; break;
                case 257: height = value; break;
                case 258: bits = value; break;
                case 259: compression = value; break;
                case 273 or 324: places = entry; break; // of strips or tiles
                case 279 or 325: sizes = entry; break;
                case 339: format = value; break;
            }
        }

        // Fax pages come out inverted, and numbers that are no levels of light have no one way to become any.
        int pixelsPerByte = compression switch
        {
            1 => ImageLimits.BmpPixelsPerByte,
            PackBits => ImageLimits.RunPixelsPerByte * 8,
            5 or Deflate or OldDeflate => ImageLimits.DeflatePixelsPerByte,
            7 => ImageLimits.JpegPixelsPerByte,
            _ => throw new UndecodableImageException($"TIFF files of compression {compression} are not read"),
        };
        if (format != 1 || bits is 0 or > 16)
        {
            throw new UndecodableImageException(
                $"TIFF files of {bits} bits in sample format {format} are not read, only whole numbers of up to 16 "
                + "bits");
        }

        ImageLimits.Check(height, width, file.Length, pixelsPerByte);
        RequirePixels(file, places, sizes, isLittle);
        file.CopyTo(destination);
        destination.AsSpan((int)offset + 2 + (count * EntrySize), 4).Clear(); // where the next page is
        return new TiffDirectory(new EncodedPicture(file.Length, (int)height, (int)width), (int)bits);
    }

    // Every strip or tile must lie inside the file.
    private static void RequirePixels(
        ReadOnlySpan<byte> file, ReadOnlySpan<byte> places, ReadOnlySpan<byte> sizes, bool isLittle)
    {
        uint count = places.IsEmpty || sizes.IsEmpty ? 0 : UInt32(places[4..], isLittle);
        if (count == 0 || count > file.Length || UInt32(sizes[4..], isLittle) != count)
        {
            throw new UndecodableImageException("the TIFF file does not say where its pixels are");
        }

        for (int i = 0; i < count; i++)
        {
            if ((long)Value(file, places, isLittle, i) + Value(file, sizes, isLittle, i) > file.Length)
            {
                throw new UndecodableImageException("the file is cut short");
            }
        }
    }

    // A number of an entry; they stand elsewhere if there are more than fit.
    private static uint Value(ReadOnlySpan<byte> file, ReadOnlySpan<byte> entry, bool isLittle, int index)
    {
        bool isShort = UInt16(entry[2..], isLittle) == Short;
        uint count = UInt32(entry[4..], isLittle);
        ReadOnlySpan<byte> value = entry[8..];
        if (count > (isShort ? 2 : 1))
        {
            uint offset = UInt32(value, isLittle);
            long at = offset + ((long)index * (isShort ? 2 : 4));
            if (at > file.Length - 4)
            {
                return uint.MaxValue; // nothing that is read here may be as much
            }

            value = file[(int)at..];
        }
        else if (index > 0)
        {
            value = value[2..];
        }

        return isShort ? UInt16(value, isLittle) : UInt32(value, isLittle);
    }

    private static ushort UInt16(ReadOnlySpan<byte> bytes, bool isLittle) => isLittle
        ? BinaryPrimitives.ReadUInt16LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt16BigEndian(bytes);

    private static uint UInt32(ReadOnlySpan<byte> bytes, bool isLittle) => isLittle
        ? BinaryPrimitives.ReadUInt32LittleEndian(bytes)
        : BinaryPrimitives.ReadUInt32BigEndian(bytes);
}
