using System.Buffers.Binary;
using CudaViT.Data.Sets;

namespace CudaViT.Images.Managed;

/// <summary>The headers of a Windows bitmap, as far as limits need them.</summary>
internal static class BmpHeader
{
    private const int FileHeader = 14;
    private const int CoreHeader = 12; // that of OS/2, with sizes of 16 bits
    private const int InfoHeader = 40;

    /// <summary>The size of the picture, if the file can hold it.</summary>
    /// <exception cref="UndecodableImageException">
    /// It is cut short, too large, or of a kind that is not read.
    /// </exception>
    public static EncodedPicture Read(ReadOnlySpan<byte> file)
    {
        if (file.Length < FileHeader + CoreHeader)
        {
            throw new UndecodableImageException("the file is cut short");
        }

        uint pixels = BinaryPrimitives.ReadUInt32LittleEndian(file[10..]);
        ReadOnlySpan<byte> header = file[FileHeader..];
        uint size = BinaryPrimitives.ReadUInt32LittleEndian(header);
        bool isCore = size == CoreHeader;
        if (!isCore && header.Length < InfoHeader)
        {
            throw new UndecodableImageException("the file is cut short");
        }

        long width = isCore
            ? BinaryPrimitives.ReadUInt16LittleEndian(header[4..])
            : BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        long height = isCore
            ? BinaryPrimitives.ReadUInt16LittleEndian(header[6..])
            : Math.Abs((long)BinaryPrimitives.ReadInt32LittleEndian(header[8..])); // below 0: from the top down
        int bits = BinaryPrimitives.ReadUInt16LittleEndian(header[(isCore ? 10 : 14)..]);
        uint compression = isCore ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(header[16..]);
        switch (compression)
        {
            case 0 or 3 or 6: // pixels as they are, with or without masks
                ImageLimits.Check(height, width, file.Length, ImageLimits.BmpPixelsPerByte);
                if (pixels + (((width * bits) + 31) / 32 * 4 * height) > file.Length)
                {
                    throw new UndecodableImageException("the file is cut short");
                }

                break;
            case 1 or 2: // runs of up to 255 pixels in two bytes
                ImageLimits.Check(height, width, file.Length, ImageLimits.RunPixelsPerByte);
                break;
            default:
                throw new UndecodableImageException($"bitmaps of compression {compression} are not read");
        }

        return new EncodedPicture(file.Length, (int)height, (int)width);
    }
}
