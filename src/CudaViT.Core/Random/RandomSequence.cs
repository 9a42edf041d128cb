namespace CudaViT.Core;

/// <summary>
/// Draws from a <see cref="RandomStream"/> one number after another, for code that rejects and tries again.
/// </summary>
/// <remarks>
/// A mutable value: keep it in a local or a field and pass it by <see langword="ref"/>; a copy repeats its numbers.
/// </remarks>
public struct RandomSequence
{
    private readonly RandomStream _stream;
    private PhiloxBlock _block;
    private long _position;

    internal RandomSequence(RandomStream stream) => _stream = stream;

    /// <summary>The next word.</summary>
    public uint NextWord()
    {
        int word = (int)(_position & 3);
        if (word == 0)
        {
            _block = _stream.Block(checked((uint)(_position >> 2)));
        }

        _position++;
        return _block[word];
    }

    /// <summary>Uniform in [0, 1), from the top 24 bits of one word.</summary>
    public float NextSingle() => PhiloxBlock.ToSingle(NextWord());

    /// <summary>Uniform in [0, 1), from the top 53 bits of two words, the low one first.</summary>
    public double NextDouble()
    {
        uint low = NextWord();
        uint high = NextWord();
        return new PhiloxBlock(low, high, 0, 0).Double0;
    }

    /// <summary>Uniform in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public double NextDouble(double low, double high) => low + ((high - low) * NextDouble());

    /// <summary>True with the probability <paramref name="probability"/>; 0 never, 1 always.</summary>
    public bool NextBool(double probability) => NextDouble() < probability;

    /// <summary>Uniform over 0 .. <paramref name="count"/> - 1, each exactly as likely as any other.</summary>
    /// <remarks>
    /// The high half of word * count, rejecting the few words that would favour some results (D. Lemire, "Fast random
    /// integer generation in an interval", arXiv:1805.10941).
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is zero or negative.</exception>
    public int NextInt(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ulong product = (ulong)NextWord() * (uint)count;
        if ((uint)product < (uint)count)
        {
            uint threshold = (0u - (uint)count) % (uint)count; // 2^32 mod count
            while ((uint)product < threshold)
            {
                product = (ulong)NextWord() * (uint)count;
            }
        }

        return (int)(product >> 32);
    }

    /// <summary>
    /// Standard normal, by Box and Muller from the next four words; the second of the pair is dropped.
    /// </summary>
    public double NextNormal()
    {
        (uint x0, uint x1) = (NextWord(), NextWord());
        (uint x2, uint x3) = (NextWord(), NextWord());
        return new PhiloxBlock(x0, x1, x2, x3).ToNormals().First;
    }

    /// <summary>From the gamma distribution of scale 1.</summary>
    /// <remarks>
    /// G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26 (2000); for shapes
    /// below 1 by way of the next larger one.
    /// </remarks>
    /// <param name="shape">Positive.</param>
    public double NextGamma(double shape)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shape);
        if (shape < 1)
        {
            return NextGamma(shape + 1) * Math.Pow(NextDouble(), 1 / shape);
        }

        double d = shape - (1.0 / 3);
        double c = 1 / Math.Sqrt(9 * d);
        while (true)
        {
            double normal = NextNormal();
            double root = 1 + (c * normal);
            double v = root * root * root;
            double u = NextDouble();
            if (v > 0 && Math.Log(u) < (0.5 * normal * normal) + (d * (1 - v + Math.Log(v))))
            {
                return d * v;
            }
        }
    }

    /// <summary>From the beta distribution, in [0, 1].</summary>
    /// <param name="a">Positive; the larger it is, the more likely are large numbers.</param>
    /// <param name="b">Positive; the larger it is, the more likely are small numbers.</param>
    public double NextBeta(double a, double b)
    {
        double first = NextGamma(a);
        double sum = first + NextGamma(b);
        return sum > 0 ? first / sum : 0.5; // both too small for a double, where the shapes are
    }

    /// <summary>Puts <paramref name="items"/> in an order drawn uniformly from all orders (Fisher and Yates).</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (int last = items.Length - 1; last > 0; last--)
        {
            int other = NextInt(last + 1);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    /// <summary>
    /// Returns the numbers 0 .. <paramref name="count"/> - 1 in an order drawn uniformly from all orders.
    /// </summary>
    public int[] Permutation(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        int[] order = new int[count];
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        Shuffle(order.AsSpan());
        return order;
    }
}
