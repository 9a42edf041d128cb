using CudaViT.Core;

namespace CudaViT.TestKit;

/// <summary>Damages files at random: what a bad disk, a cut transfer or an attacker leaves.</summary>
public static class Mutations
{
    private const int DefaultCount = 300;

    // Numbers at which arithmetic goes wrong.
    private static readonly byte[] Edges = [0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF];

    /// <summary>How many files a test tries; the environment variable <c>CUDAVIT_FUZZ</c> sets another number.</summary>
    public static int Count { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("CUDAVIT_FUZZ"), out int count) ? count : DefaultCount;

    /// <summary>Makes one damaged file from whole ones; the same number always makes the same.</summary>
    public static byte[] Damage(IReadOnlyList<byte[]> whole, int number)
    {
        RandomSequence random = new RandomStream(77, 0, number, 0, RandomOperation.Synthetic).Sequence();
        List<byte> file = [.. whole[random.NextInt(whole.Count)]];
        int changes = 1 + random.NextInt(3);
        for (int i = 0; i < changes && file.Count > 0; i++)
        {
            int at = Place(ref random, file.Count);
            int length = Math.Min(1 + random.NextInt(random.NextBool(0.5) ? 4 : 200), file.Count - at);
            switch (random.NextInt(10))
            {
                case 0 or 1 or 2:
                    file[at] ^= (byte)(1 << random.NextInt(8));
                    break;
                case 3 or 4:
                    file[at] = (byte)random.NextInt(256);
                    break;
                case 5:
                    byte edge = Edges[random.NextInt(Edges.Length)];
                    for (int j = at; j < at + length; j++)
                    {
                        file[j] = edge;
                    }

                    break;
                case 6:
                    file.RemoveRange(at, length);
                    break;
                case 7:
                    file.InsertRange(at, file.GetRange(Place(ref random, file.Count - length + 1), length));
                    break;
                case 8:
                    byte[] other = whole[random.NextInt(whole.Count)];
                    int from = random.NextInt(other.Length);
                    file.RemoveRange(at, file.Count - at);
                    file.AddRange(other[from..]);
                    break;
                default:
                    file.RemoveRange(at, file.Count - at);
                    break;
            }
        }

        return [.. file];
    }

    // Half of all changes hit the beginning, where headers are.
    private static int Place(ref RandomSequence random, int count) =>
        random.NextInt(random.NextBool(0.5) ? count : Math.Min(count, 700));
}
