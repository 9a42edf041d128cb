using System.Buffers.Binary;
using CudaViT.Data.Sets;

namespace CudaViT.Images.Managed;

/// <summary>Takes the first frame out of a GIF file ("Graphics Interchange Format, version 89a").</summary>
internal static class GifFrame
{
    private const int ScreenSize = 13;    // signature and logical screen
    private const int DescriptorSize = 10; // of a frame, with the mark before it
    private const byte Extension = 0x21;
    private const byte Frame = 0x2C;
    private const byte End = 0x3B;

    /// <summary>Copies screen, colours and the first frame, so that the rest of the file costs nothing.</summary>
    /// <remarks>
    /// Extensions are left out, and with them which colour is transparent: such pixels keep the colour that stands in
    /// the table, as alpha is dropped elsewhere. The screen grows where the frame reaches beyond it, as in Pillow.
    /// </remarks>
    /// <param name="file">The file.</param>
    /// <param name="destination">As long as the file and one byte more.</param>
    /// <returns>The copy, and the size of the picture.</returns>
    public static EncodedPicture CopyTo(ReadOnlySpan<byte> file, byte[] destination)
    {
        int position = ScreenSize + (file.Length < ScreenSize ? throw CutShort() : TableSize(file[10]));
        int kept = position;
        while (position < file.Length && file[position] == Extension)
        {
            position = SkipBlocks(file, position + 2);
        }

        if (position + DescriptorSize > file.Length)
        {
            throw CutShort();
        }

        if (file[position] != Frame)
        {
            throw new UndecodableImageException("the GIF file has no picture");
        }

        int end = SkipBlocks(file, position + DescriptorSize + TableSize(file[position + 9]) + 1);
        ReadOnlySpan<byte> frame = file[position..end];
        int width = Math.Max(Number(file[6..]), Number(frame[1..]) + Number(frame[5..]));
        int height = Math.Max(Number(file[8..]), Number(frame[3..]) + Number(frame[7..]));
        if (width > ushort.MaxValue || height > ushort.MaxValue)
        {
            throw new UndecodableImageException($"the GIF frame reaches to {width} x {height} pixels");
        }

        file[..kept].CopyTo(destination);
        BinaryPrimitives.WriteUInt16LittleEndian(destination.AsSpan(6), (ushort)width);
        BinaryPrimitives.WriteUInt16LittleEndian(destination.AsSpan(8), (ushort)height);
        frame.CopyTo(destination.AsSpan(kept));
        destination[kept + frame.Length] = End;
        return new EncodedPicture(kept + frame.Length + 1, height, width);
    }

    private static int TableSize(byte flags) => (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);

    private static int Number(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt16LittleEndian(bytes);

    // Data lie in blocks of up to 255 bytes, each after its length, and end with one of none.
    private static int SkipBlocks(ReadOnlySpan<byte> file, int position)
    {
        while (position < file.Length)
        {
            int size = file[position];
            position += 1 + size;
            if (size == 0)
            {
                return position;
            }
        }

        throw CutShort();
    }

    private static UndecodableImageException CutShort() => new("the file is cut short");
}

/// <summary>A copy of an image file, reduced to one picture.</summary>
/// <param name="SizeInBytes">Bytes of the copy.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
internal readonly record struct EncodedPicture(int SizeInBytes, int Height, int Width);
