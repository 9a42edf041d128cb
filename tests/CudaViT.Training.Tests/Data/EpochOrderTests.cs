using CudaViT.Core;
using CudaViT.Data.Loading;

namespace CudaViT.Training.Tests.Data;

public sealed class EpochOrderTests
{
    private static readonly int[] Shards = [0, 10, 11, 40];

    [Theory]
    [InlineData(1)] // shards in random order, each from its beginning to its end
    [InlineData(8)]
    [InlineData(49)]
    [InlineData(50)]
    [InlineData(null)]
    public void Every_image_comes_once_and_none_before_the_buffer_has_it(int? buffer)
    {
        int[] order = Order(buffer, sample: 1);
        Assert.Equal(Enumerable.Range(0, 50), order.Order());
        if (buffer < 50)
        {
            int[] stream = Order(1, sample: 1); // the same order of shards
            for (int i = 0; i < order.Length; i++)
            {
                Assert.InRange(Array.IndexOf(stream, order[i]), 0, Math.Min(49, i + buffer.Value - 1));
            }
        }
    }

    [Fact]
    public void A_buffer_of_one_leaves_shards_whole()
    {
        int[] order = Order(1, sample: 2);
        foreach ((int start, int end) in Shards.Zip([10, 11, 40, 50]))
        {
            int first = Array.IndexOf(order, start);
            Assert.Equal(Enumerable.Range(start, end - start), order.Skip(first).Take(end - start));
        }
    }

    [Fact]
    public void A_buffer_mixes_what_is_in_it()
    {
        // Position of image 20 in the stream of its shard, over many orders: it moves by about the buffer's size.
        double[] moved = [.. Enumerable.Range(0, 400).Select(sample =>
            (double)(Array.IndexOf(Order(16, sample), 20) - Array.IndexOf(Order(1, sample), 20)))];
        Assert.InRange(moved.Average(), -6, 6);
        Assert.InRange(Math.Sqrt(moved.Average(m => m * m)), 6, 24);
    }

    [Fact]
    public void A_buffer_for_everything_is_no_buffer() => Assert.Equal(Order(null, 3), Order(50, 3));

    private static int[] Order(int? buffer, int sample)
    {
        int[] order = new int[50];
        RandomSequence random = new RandomStream(1, 0, sample, 0, RandomOperation.Shuffle).Sequence();
        EpochOrder.Fill(order, ref random, Shards, buffer);
        return order;
    }
}
