using FsCheck;
using FsCheck.Fluent;

namespace CudaViT.Core.Tests.Random;

public sealed class RandomStreamTests
{
    private static RandomStream Stream(ulong seed = 7, int sample = 0) =>
        new(seed, epoch: 0, sample, view: 0, RandomOperation.Synthetic);

    [Fact]
    public void The_address_maps_to_key_and_counter_as_documented()
    {
        var stream = new RandomStream(0x0123456789abcdef, epoch: 5, sample: 70_000, view: 3, RandomOperation.Crop);
        Assert.Equal(0x0123456789abcdefUL, stream.Key);
        Assert.Equal(new PhiloxBlock(9, 70_000, 5, ((uint)RandomOperation.Crop * 256) + 3), stream.Counter(9));
        Assert.Equal(Philox.Block(0x0123456789abcdef, stream.Counter(9)), stream.Block(9));
    }

    [Fact]
    public void Each_part_of_the_address_changes_the_numbers()
    {
        RandomStream[] streams =
        [
            new(1, 0, 0, 0, RandomOperation.Crop),
            new(1UL << 32, 0, 0, 0, RandomOperation.Crop), // the high half of the seed counts
            new(1, 1, 0, 0, RandomOperation.Crop),
            new(1, 0, 1, 0, RandomOperation.Crop),
            new(1, 0, 0, 1, RandomOperation.Crop),
            new(1, 0, 0, 0, RandomOperation.Flip),
        ];
        Assert.Equal(streams.Length, streams.Select(stream => stream.Block(0)).Distinct().Count());
        Assert.Equal(streams.Length, streams.Distinct().Count());
    }

    [Theory]
    [InlineData(-1, 0, 0)]
    [InlineData(0, -1, 0)]
    [InlineData(0, 0, -1)]
    [InlineData(0, 0, 256)] // would spill into the operation's bits
    public void An_address_that_does_not_fit_is_refused(int epoch, int sample, int view) =>
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new RandomStream(1, epoch, sample, view, RandomOperation.Crop));

    // Starts at, before and after a block's first word; lengths that end inside a block; nothing at all.
    [Theory]
    [InlineData(0, 9)]
    [InlineData(1, 4)]
    [InlineData(3, 6)]
    [InlineData(4, 1)]
    [InlineData(2, 0)]
    public void Filling_from_any_start_gives_the_elements_by_index(int start, int length)
    {
        RandomStream stream = Stream();
        float[] floats = new float[length];
        double[] doubles = new double[length];
        double[] normals = new double[length];
        stream.FillUniform(floats, start);
        stream.FillUniform(doubles, start);
        stream.FillNormal(normals, start);

        Assert.Equal(Enumerable.Range(start, length).Select(i => stream.Single(i)), floats);
        Assert.Equal(Enumerable.Range(start, length).Select(i => stream.Double(i)), doubles);
        Assert.Equal(Enumerable.Range(start, length).Select(i => stream.Normal(i)), normals);
    }

    [Fact]
    public void A_sequence_draws_the_words_in_order()
    {
        RandomStream stream = Stream();
        RandomSequence sequence = stream.Sequence();
        for (int i = 0; i < 11; i++)
        {
            Assert.Equal(stream.Word(i), sequence.NextWord());
        }

        sequence = stream.Sequence();
        Assert.Equal(stream.Double(0), sequence.NextDouble());
        Assert.Equal(stream.Double(1), sequence.NextDouble());
    }

    // Mean, variance and the tail share of 2^17 draws, each within five of its own standard errors.
    [Fact]
    public void Normals_have_the_moments_of_a_normal_distribution()
    {
        const int Count = 1 << 17;
        double[] draws = new double[Count];
        Stream().FillNormal(draws);

        double mean = draws.Average();
        double variance = draws.Average(x => x * x);
        double tail = draws.Average(x => Math.Abs(x) > 2 ? 1.0 : 0.0);
        Assert.InRange(mean, -5 / Math.Sqrt(Count), 5 / Math.Sqrt(Count));
        Assert.InRange(variance, 1 - (5 * Math.Sqrt(2.0 / Count)), 1 + (5 * Math.Sqrt(2.0 / Count)));
        const double Expected = 0.0455002639; // P(|x| > 2)
        double error = 5 * Math.Sqrt(Expected * (1 - Expected) / Count);
        Assert.InRange(tail, Expected - error, Expected + error);
    }

    // Mean and variance k of a gamma distribution, 1/2 and 1 / (4 (2 a + 1)) of a symmetric beta distribution; the
    // bounds are five standard errors of 40,000 draws.
    [Theory]
    [InlineData(0.8)]
    [InlineData(1)]
    [InlineData(3.5)]
    public void Gamma_and_beta_numbers_have_the_moments_of_their_distributions(double shape)
    {
        const int Draws = 40_000;
        RandomSequence sequence = Stream(seed: 3).Sequence();
        double[] gamma = [.. Enumerable.Range(0, Draws).Select(_ => sequence.NextGamma(shape))];
        double[] beta = [.. Enumerable.Range(0, Draws).Select(_ => sequence.NextBeta(shape, shape))];
        Assert.All(gamma, value => Assert.True(value >= 0 && double.IsFinite(value)));
        Assert.All(beta, value => Assert.InRange(value, 0, 1));

        double error = 5 / Math.Sqrt(Draws);
        double betaVariance = 1 / (4 * ((2 * shape) + 1));
        Assert.Equal(shape, gamma.Average(), error * Math.Sqrt(shape));
        Assert.Equal(
            shape, gamma.Average(value => Math.Pow(value - shape, 2)), error * Math.Sqrt(2 * shape * (shape + 3)));
        Assert.Equal(0.5, beta.Average(), error * Math.Sqrt(betaVariance));
        Assert.Equal(betaVariance, beta.Average(value => Math.Pow(value - 0.5, 2)), error * betaVariance);
    }

    // 2^32 / (3 * 2^29) = 8/3: without rejection the results get three, three and two words in turn.
    [Fact]
    public void Integers_are_unbiased_even_where_a_plain_product_is_worst()
    {
        const int Count = 3 << 29;
        const int Draws = 60_000;
        RandomSequence sequence = Stream().Sequence();
        int[] residues = new int[3];
        for (int i = 0; i < Draws; i++)
        {
            int value = sequence.NextInt(Count);
            Assert.InRange(value, 0, Count - 1);
            residues[value % 3]++;
        }

        double error = 5 * Math.Sqrt(Draws * (1.0 / 3) * (2.0 / 3));
        Assert.All(residues, count => Assert.InRange(count, (Draws / 3) - error, (Draws / 3) + error));
    }

    [Fact]
    public void Zero_or_fewer_choices_are_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Stream().Sequence().NextInt(0));

    [Fact]
    public void A_probability_of_zero_never_happens_and_of_one_always()
    {
        RandomSequence sequence = Stream().Sequence();
        for (int i = 0; i < 1000; i++)
        {
            Assert.False(sequence.NextBool(0));
            Assert.True(sequence.NextBool(1));
        }
    }

    [Fact]
    public void A_permutation_holds_every_index_once() =>
        Prop.ForAll<ulong, byte>((seed, count) =>
        {
            int[] order = Stream(seed).Sequence().Permutation(count);
            return order.Order().SequenceEqual(Enumerable.Range(0, count));
        }).QuickCheckThrowOnFailure();

    // All 24 orders of four items; chi-square with 23 degrees of freedom, 0.999 point 49.7.
    [Fact]
    public void Every_order_is_equally_likely()
    {
        const int Draws = 24_000;
        var counts = new Dictionary<string, int>();
        for (int sample = 0; sample < Draws; sample++)
        {
            string order = string.Concat(Stream(sample: sample).Sequence().Permutation(4));
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }

        Assert.Equal(24, counts.Count);
        double chiSquare = counts.Values.Sum(count => Math.Pow(count - (Draws / 24.0), 2) / (Draws / 24.0));
        Assert.True(chiSquare < 49.7, $"chi-square {chiSquare}");
    }
}
