using System.Buffers.Binary;
using System.Text;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// A protocol buffer message under construction: fields in the order they are added. Knows its length before it is
/// written, so that contents of any size can follow from wherever they are.
/// </summary>
/// <remarks>The wire format: protobuf.dev/programming-guides/encoding.</remarks>
internal sealed class ProtoMessage
{
    private const int VarintType = 0;
    private const int DoubleType = 1;
    private const int LengthType = 2;
    private const int FixedType = 5;

    private readonly List<Action<Stream>> _parts = [];

    /// <summary>Bytes of all fields.</summary>
    public long Length { get; private set; }

    /// <summary>Adds an integer or enumeration value.</summary>
    public ProtoMessage Add(int field, long value) => AddBytes([.. Tag(field, VarintType), .. Varint((ulong)value)]);

    /// <summary>Adds a 32-bit floating-point number.</summary>
    public ProtoMessage Add(int field, float value)
    {
        byte[] bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return AddBytes([.. Tag(field, FixedType), .. bytes]);
    }

    /// <summary>Adds a 64-bit floating-point number.</summary>
    public ProtoMessage Add(int field, double value)
    {
        byte[] bytes = new byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return AddBytes([.. Tag(field, DoubleType), .. bytes]);
    }

    /// <summary>Adds bytes.</summary>
    public ProtoMessage Add(int field, byte[] value) => Add(field, value.Length, stream => stream.Write(value));

    /// <summary>Adds a text.</summary>
    public ProtoMessage Add(int field, string value)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(value);
        return Add(field, utf8.Length, stream => stream.Write(utf8));
    }

    /// <summary>Adds a message; it must be complete.</summary>
    public ProtoMessage Add(int field, ProtoMessage value) => Add(field, value.Length, value.WriteTo);

    /// <summary>Adds integers in the packed form.</summary>
    public ProtoMessage AddPacked(int field, IEnumerable<long> values)
    {
        byte[] bytes = [.. values.SelectMany(value => Varint((ulong)value))];
        return Add(field, bytes.Length, stream => stream.Write(bytes));
    }

    /// <summary>Adds bytes that are made while the message is written.</summary>
    /// <param name="field">Number of the field.</param>
    /// <param name="length">How many there will be.</param>
    /// <param name="write">Writes exactly as many.</param>
    public ProtoMessage Add(int field, long length, Action<Stream> write)
    {
        AddBytes([.. Tag(field, LengthType), .. Varint((ulong)length)]);
        _parts.Add(write);
        Length += length;
        return this;
    }

    /// <summary>Writes all fields.</summary>
    public void WriteTo(Stream stream)
    {
        foreach (Action<Stream> write in _parts)
        {
            write(stream);
        }
    }

    private static IEnumerable<byte> Tag(int field, int type) => Varint((ulong)((field << 3) | type));

    // Seven bits a byte, the lowest first; the eighth says that more follow.
    private static IEnumerable<byte> Varint(ulong value)
    {
        for (; value > 0x7f; value >>= 7)
        {
            yield return (byte)(value | 0x80);
        }

        yield return (byte)value;
    }

    private ProtoMessage AddBytes(byte[] bytes)
    {
        _parts.Add(stream => stream.Write(bytes));
        Length += bytes.Length;
        return this;
    }
}
