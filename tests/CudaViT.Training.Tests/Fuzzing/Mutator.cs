using System.Buffers.Binary;

namespace CudaViT.Training.Tests.Fuzzing;

/// <summary>
/// Damages files: a pure function of a seed, so that a failure can be repeated. Small damage gets deep into a reader,
/// large damage is what a broken download looks like; both are drawn.
/// </summary>
internal static class Mutator
{
    private const int MaxMutations = 4;

    // Lengths and counts at the edges of their types, in whatever width the file has them.
    private static readonly long[] Edges =
    [
        0, 1, -1, byte.MaxValue, short.MaxValue, ushort.MaxValue, int.MaxValue, uint.MaxValue, long.MaxValue,
        long.MinValue, 1L << 40,
    ];

    /// <summary>A damaged copy.</summary>
    /// <param name="file">A whole file.</param>
    /// <param name="seed">Which damage.</param>
    public static byte[] Mutate(byte[] file, int seed)
    {
        var random = new Random(seed);
        List<byte> bytes = [.. file];
        for (int i = random.Next(MaxMutations); i >= 0; i--)
        {
            MutateOnce(bytes, random);
        }

        return [.. bytes];
    }

    private static void MutateOnce(List<byte> bytes, Random random)
    {
        if (bytes.Count == 0)
        {
            bytes.Add((byte)random.Next(256));
            return;
        }

        int at = Position(bytes.Count, random);
        int length = 1 + random.Next(Math.Min(bytes.Count - at, 64));
        switch (random.Next(8))
        {
            case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
            case 1: bytes[at] = (byte)random.Next(256); break;
            case 2: WriteEdge(bytes, at, random); break;
            case 3: bytes.RemoveRange(at, length); break;
            case 4: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
            case 5: bytes.InsertRange(at, bytes.GetRange(Position(bytes.Count - length + 1, random), length)); break;
            case 6: bytes.RemoveRange(at, bytes.Count - at); break;
            default: Fill(bytes, at, length, (byte)random.Next(256)); break;
        }
    }

    // Headers, directories and pickles stand at both ends; half of the damage goes there.
    private static int Position(int count, Random random)
    {
        int edge = Math.Min(count, 1024);
        return random.Next(4) switch
        {
            0 => random.Next(edge),
            1 => count - 1 - random.Next(edge),
            _ => random.Next(count),
        };
    }

    private static void WriteEdge(List<byte> bytes, int at, Random random)
    {
        byte[] value = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(value, Edges[random.Next(Edges.Length)]);
        int width = Math.Min(1 << random.Next(4), bytes.Count - at);
        for (int i = 0; i < width; i++)
        {
            bytes[at + i] = value[i];
        }
    }

    private static void Fill(List<byte> bytes, int at, int length, byte value)
    {
        for (int i = at; i < at + length; i++)
        {
            bytes[i] = value;
        }
    }
}
