namespace CudaViT.Training.Checkpoints;

/// <summary>Cyclic redundancy checks of 32 bits, reflected, from all ones and inverted at the end.</summary>
internal sealed class Crc32
{
    private readonly uint[] _table = new uint[256];

    private Crc32(uint polynomial)
    {
        for (uint i = 0; i < _table.Length; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value >> 1) ^ ((value & 1) * polynomial);
            }

            _table[i] = value;
        }
    }

    /// <summary>That of ISO 3309, as in PNG and zip files.</summary>
    public static Crc32 Iso { get; } = new(0xEDB88320);

    /// <summary>Castagnoli's (RFC 3720), as in TFRecord files.</summary>
    public static Crc32 Castagnoli { get; } = new(0x82F63B78);

    /// <summary>The checksum of bytes.</summary>
    public uint Of(ReadOnlySpan<byte> bytes)
    {
        uint value = uint.MaxValue;
        foreach (byte b in bytes)
        {
            value = (value >> 8) ^ _table[(value ^ b) & 0xFF];
        }

        return ~value;
    }
}
