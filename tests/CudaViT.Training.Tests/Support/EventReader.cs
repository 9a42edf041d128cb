using System.Buffers.Binary;
using System.Text;

namespace CudaViT.Training.Tests.Support;

/// <summary>Reads event files by their published format, without anything of the program.</summary>
internal static class EventReader
{
    /// <summary>A value of a step.</summary>
    public readonly record struct Entry(long Step, string Tag, float? Number, byte[]? Image);

    /// <summary>
    /// What TensorBoard shows of a folder: files in the order of their names, and at the start of a session everything
    /// dropped that earlier ones say of its step and later ones.
    /// </summary>
    public static List<Entry> Read(string folder)
    {
        var entries = new List<Entry>();
        foreach (string path in Directory.GetFiles(folder, "*tfevents*").Order(StringComparer.Ordinal))
        {
            byte[][] records = [.. Records(File.ReadAllBytes(path))];
            Assert.Contains(Fields(records[0]), field => field.Number == 3 && Text(field.Bytes) == "brain.Event:2");
            foreach (byte[] record in records)
            {
                List<Field> fields = Fields(record);
                double time = BitConverter.UInt64BitsToDouble(fields.Single(field => field.Number == 1).Value);
                Assert.InRange(time, 1.7e9, 1e11);
                long step = (long)fields.SingleOrDefault(field => field.Number == 2).Value;
                foreach (Field field in fields)
                {
                    if (field.Number == 7) // the log of a session: 1 is its start
                    {
                        Assert.Equal(1ul, Fields(field.Bytes).Single(status => status.Number == 1).Value);
                        entries.RemoveAll(entry => entry.Step >= step);
                    }
                    else if (field.Number == 5)
                    {
                        entries.AddRange(Fields(field.Bytes).Select(value => Value(step, Fields(value.Bytes))));
                    }
                }
            }
        }

        return entries;
    }

    private static Entry Value(long step, List<Field> fields)
    {
        string tag = Text(fields.Single(field => field.Number == 1).Bytes);
        if (fields.Exists(field => field.Number == 2))
        {
            uint bits = (uint)fields.Single(field => field.Number == 2).Value;
            return new Entry(step, tag, BitConverter.UInt32BitsToSingle(bits), null);
        }

        List<Field> image = Fields(fields.Single(field => field.Number == 4).Bytes);
        byte[] png = image.Single(field => field.Number == 4).Bytes;
        Assert.Equal(
            [BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16))],
            new[] { 1, 2 }.Select(number => (int)image.Single(field => field.Number == number).Value));
        return new Entry(step, tag, null, png);
    }

    private static IEnumerable<byte[]> Records(byte[] file)
    {
        for (int start = 0; start < file.Length;)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(start));
            byte[] data = file[(start + 12)..(start + 12 + length)];
            Assert.Equal(MaskedCrc(file.AsSpan(start, 8)), Crc(start + 8));
            Assert.Equal(MaskedCrc(data), Crc(start + 12 + length));
            yield return data;
            start += length + 16;
        }

        uint Crc(int at) => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at));
    }

    // Bit by bit, with Castagnoli's polynomial x^32 + x^28 + x^27 + ... as the format's description has it.
    private static uint MaskedCrc(ReadOnlySpan<byte> bytes)
    {
        uint crc = 0xFFFFFFFF;
        foreach (byte b in bytes)
        {
            for (int bit = 0; bit < 8; bit++)
            {
                bool isSet = ((crc ^ (uint)(b >> bit)) & 1) != 0;
                crc = (crc >> 1) ^ (isSet ? 0x82F63B78 : 0);
            }
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }

    private static List<Field> Fields(byte[] message)
    {
        var fields = new List<Field>();
        for (int at = 0; at < message.Length;)
        {
            ulong key = Varint(message, ref at);
            (int number, int type) = ((int)(key >> 3), (int)(key & 7));
            switch (type)
            {
                case 0:
                    fields.Add(new Field(number, Varint(message, ref at), []));
                    break;
                case 1:
                    fields.Add(new Field(number, BinaryPrimitives.ReadUInt64LittleEndian(message.AsSpan(at)), []));
                    at += 8;
                    break;
                case 2:
                    int length = (int)Varint(message, ref at);
                    fields.Add(new Field(number, 0, message[at..(at + length)]));
                    at += length;
                    break;
                case 5:
                    fields.Add(new Field(number, BinaryPrimitives.ReadUInt32LittleEndian(message.AsSpan(at)), []));
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"wire type {type}");
            }
        }

        return fields;
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = message[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    private static string Text(byte[] utf8) => Encoding.UTF8.GetString(utf8);

    private readonly record struct Field(int Number, ulong Value, byte[] Bytes);
}
