using CudaViT.Core;

namespace CudaViT.Data.Loading;

/// <summary>The order in which an epoch visits the images.</summary>
internal static class EpochOrder
{
    /// <summary>Writes a random permutation.</summary>
    /// <param name="order">Gets the numbers 0 to its length - 1.</param>
    /// <param name="random">Decides everything.</param>
    /// <param name="shardStarts">First image of each shard, ascending from 0.</param>
    /// <param name="buffer">
    /// Null for any permutation, each as likely as any other. Else the shards come in random order, their images one
    /// after another into a buffer of this size, and from it one at random at a time.
    /// </param>
    /// <remarks>
    /// The order is all there is of the buffer: images are read when it is their turn, so a run goes on in the middle
    /// of an epoch without reading what was before, and what the system read ahead waits in its own cache.
    /// </remarks>
    public static void Fill(Span<int> order, ref RandomSequence random, IReadOnlyList<int> shardStarts, int? buffer)
    {
        if (buffer is null || buffer >= order.Length)
        {
            for (int i = 0; i < order.Length; i++)
            {
                order[i] = i;
            }

            random.Shuffle(order);
            return;
        }

        WriteShards(order, ref random, shardStarts);
        int[] waiting = order[..buffer.Value].ToArray();
        int next = waiting.Length;
        int count = waiting.Length;
        for (int i = 0; i < order.Length; i++)
        {
            int drawn = random.NextInt(count);
            int image = waiting[drawn];
            waiting[drawn] = next < order.Length ? order[next++] : waiting[--count];
            order[i] = image; // its place was read before: next is ahead of i by the buffer's size, or at the end
        }
    }

    /// <summary>
    /// Puts every image as many times in a row, and leaves those for which there is no place to other epochs:
    /// repeated augmentation.
    /// </summary>
    /// <remarks>
    /// M. Berman et al., "MultiGrain", arXiv:1902.05509, section 3.3; E. Hoffer et al., arXiv:1901.09335. An epoch has
    /// as many places as before, as in DeiT.
    /// </remarks>
    public static void Repeat(Span<int> order, int times)
    {
        for (int i = order.Length - 1; i > 0; i--) // backwards: what is read is never behind what was written
        {
            order[i] = order[i / times];
        }
    }

    private static void WriteShards(Span<int> order, ref RandomSequence random, IReadOnlyList<int> shardStarts)
    {
        int written = 0;
        foreach (int shard in random.Permutation(shardStarts.Count))
        {
            int end = shard + 1 < shardStarts.Count ? shardStarts[shard + 1] : order.Length;
            for (int image = shardStarts[shard]; image < end; image++)
            {
                order[written++] = image;
            }
        }
    }
}
