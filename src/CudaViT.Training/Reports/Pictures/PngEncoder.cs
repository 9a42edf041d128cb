using System.Buffers.Binary;
using System.IO.Compression;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Reports.Pictures;

/// <summary>Writes PNG files (ISO/IEC 15948): 8 bits a sample, every row as differences from the one above.</summary>
internal static class PngEncoder
{
    private const byte UpFilter = 2;

    /// <summary>Encodes a picture.</summary>
    public static byte[] Encode(Picture picture)
    {
        byte colorType = picture.Channels switch { 1 => 0, 3 => 2, _ => 6 };
        byte[] header = [0, 0, 0, 0, 0, 0, 0, 0, 8, colorType, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(header, picture.Width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), picture.Height);
        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        WriteChunk(file, "IHDR"u8, header);
        WriteChunk(file, "IDAT"u8, Compress(picture));
        WriteChunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static byte[] Compress(Picture picture)
    {
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            int stride = picture.Width * picture.Channels;
            byte[] row = new byte[stride + 1];
            row[0] = UpFilter;
            for (int start = 0; start < picture.Pixels.Length; start += stride)
            {
                for (int i = 0; i < stride; i++)
                {
                    int above = start == 0 ? 0 : picture.Pixels[start - stride + i];
                    row[i + 1] = (byte)(picture.Pixels[start + i] - above);
                }

                deflate.Write(row);
            }
        }

        return packed.ToArray();
    }

    private static void WriteChunk(MemoryStream file, ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
    {
        byte[] named = [.. name, .. content];
        Span<byte> number = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32BigEndian(number, content.Length);
        file.Write(number);
        file.Write(named);
        BinaryPrimitives.WriteUInt32BigEndian(number, Crc32.Iso.Of(named));
        file.Write(number);
    }
}
