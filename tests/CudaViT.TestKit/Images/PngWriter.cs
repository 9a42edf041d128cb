using System.Buffers.Binary;
using System.IO.Compression;

namespace CudaViT.TestKit;

/// <summary>Writes PNG files (ISO/IEC 15948) of 8 or 16 bits, without filters.</summary>
public static class PngWriter
{
    /// <summary>Encodes samples as they are.</summary>
    /// <param name="samples">Rows without padding; 16-bit samples are big-endian.</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="channels">1 (grey), 2 (grey and alpha), 3 (colour) or 4 (colour and alpha).</param>
    /// <param name="bits">Bits of a sample.</param>
    public static byte[] Encode(byte[] samples, int height, int width, int channels, int bits = 8)
    {
        byte colorType = channels switch { 1 => 0, 2 => 4, 3 => 2, _ => 6 };
        byte[] header = [0, 0, 0, 0, 0, 0, 0, 0, (byte)bits, colorType, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            int stride = width * channels * bits / 8;
            for (int y = 0; y < height; y++)
            {
                deflate.WriteByte(0);
                deflate.Write(samples, y * stride, stride);
            }
        }

        return
        [
            0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A,
            .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, packed.ToArray()), .. Chunk("IEND"u8, []),
        ];
    }

    /// <summary>Makes the checksums of a file's chunks right; what is no PNG file stays as it is.</summary>
    public static void RepairChecksums(byte[] file)
    {
        for (int chunk = 8; chunk + 12 <= file.Length;)
        {
            uint size = BinaryPrimitives.ReadUInt32BigEndian(file.AsSpan(chunk));
            if (file[0] != 0x89 || size > file.Length - chunk - 12)
            {
                return;
            }

            Span<byte> content = file.AsSpan(chunk + 4, (int)size + 4);
            BinaryPrimitives.WriteUInt32BigEndian(file.AsSpan(chunk + 8 + (int)size), Checksum(content));
            chunk += (int)size + 12;
        }
    }

    private static byte[] Chunk(ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
    {
        byte[] chunk = new byte[content.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length);
        name.CopyTo(chunk.AsSpan(4));
        content.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(content.Length + 8), Checksum(chunk.AsSpan(4..^4)));
        return chunk;
    }

    // CRC-32 of ISO 3309, a bit at a time.
    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
        {
            crc ^= b;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }
}
