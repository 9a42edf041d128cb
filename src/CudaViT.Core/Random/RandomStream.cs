using System.Diagnostics.CodeAnalysis;

namespace CudaViT.Core;

/// <summary>
/// The random numbers of one draw, a pure function of (seed, epoch, sample, view, operation) and of an index.
/// </summary>
/// <remarks>
/// Word i of a stream is word i mod 4 of <c>Philox.Block(key, counter)</c> with
/// <code>
/// key     = seed                          (64 bits: key word 0 is the low half)
/// counter = X0: i / 4                     (block index within the stream, 32 bits)
///           X1: sample                    (32 bits)
///           X2: epoch                     (32 bits)
///           X3: operation * 256 + view    (24 + 8 bits)
/// </code>
/// The map is one to one, so different streams of a seed never overlap; a kernel does the same with four registers.
/// A stream has 2^34 words. Everything here is by index and repeats; <see cref="Sequence"/> draws one after another.
/// </remarks>
[SuppressMessage("Naming", "CA1711", Justification = "A stream of numbers is the literature's word for it.")]
public readonly struct RandomStream : IEquatable<RandomStream>
{
    private readonly ulong _seed;
    private readonly uint _sample;
    private readonly uint _epoch;
    private readonly uint _purpose;

    /// <summary>Addresses a stream.</summary>
    /// <param name="seed">All 64 bits count.</param>
    /// <param name="epoch">Epoch or step, from 0.</param>
    /// <param name="sample">Index of an image, parameter or layer, from 0.</param>
    /// <param name="view">0 to 255: which view (crop) of the sample.</param>
    /// <param name="operation">What the numbers are for.</param>
    /// <exception cref="ArgumentOutOfRangeException">An argument does not fit its field of the counter.</exception>
    public RandomStream(ulong seed, int epoch, int sample, int view, RandomOperation operation)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(sample);
        ArgumentOutOfRangeException.ThrowIfNegative(view);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(view, byte.MaxValue);
        ArgumentOutOfRangeException.ThrowIfNegative((int)operation, nameof(operation));
        ArgumentOutOfRangeException.ThrowIfGreaterThan((int)operation, (1 << 24) - 1, nameof(operation));

        _seed = seed;
        _sample = (uint)sample;
        _epoch = (uint)epoch;
        _purpose = ((uint)operation << 8) | (uint)view;
    }

    /// <summary>The Philox key of every block of this stream.</summary>
    public ulong Key => _seed;

    /// <summary>Block <paramref name="index"/>: words 4 index to 4 index + 3.</summary>
    public PhiloxBlock Block(uint index) => Philox.Block(_seed, Counter(index));

    /// <summary>The counter of block <paramref name="index"/>: what a kernel needs to go on by itself.</summary>
    public PhiloxBlock Counter(uint index) => new(index, _sample, _epoch, _purpose);

    /// <summary>Word <paramref name="index"/>, uniform over all 32-bit values.</summary>
    public uint Word(long index) => Block(checked((uint)(index >> 2)))[(int)(index & 3)];

    /// <summary>Element <paramref name="index"/> as a float uniform in [0, 1), from one word.</summary>
    public float Single(long index) => PhiloxBlock.ToSingle(Word(index));

    /// <summary>
    /// Element <paramref name="index"/> as a double uniform in [0, 1), from the words 2 index, 2 index + 1.
    /// </summary>
    public double Double(long index)
    {
        PhiloxBlock block = Block(checked((uint)(index >> 1)));
        return (index & 1) == 0 ? block.Double0 : block.Double1;
    }

    /// <summary>
    /// Element <paramref name="index"/> as a standard normal number: half of the pair that block index / 2 gives.
    /// </summary>
    public double Normal(long index)
    {
        (double first, double second) = Block(checked((uint)(index >> 1))).ToNormals();
        return (index & 1) == 0 ? first : second;
    }

    /// <summary>Fills with <see cref="Single"/> of <paramref name="start"/>, start + 1, and so on.</summary>
    public void FillUniform(Span<float> destination, long start = 0)
    {
        for (int i = 0; i < destination.Length;)
        {
            PhiloxBlock block = Block(checked((uint)((start + i) >> 2)));
            for (int word = (int)((start + i) & 3); word < 4 && i < destination.Length; word++, i++)
            {
                destination[i] = PhiloxBlock.ToSingle(block[word]);
            }
        }
    }

    /// <summary>Fills with <see cref="Double"/> of <paramref name="start"/>, start + 1, and so on.</summary>
    public void FillUniform(Span<double> destination, long start = 0)
    {
        for (int i = 0; i < destination.Length;)
        {
            PhiloxBlock block = Block(checked((uint)((start + i) >> 1)));
            if (((start + i) & 1) == 0)
            {
                destination[i++] = block.Double0;
            }

            if (i < destination.Length)
            {
                destination[i++] = block.Double1;
            }
        }
    }

    /// <summary>Fills with <see cref="Normal"/> of <paramref name="start"/>, start + 1, and so on.</summary>
    public void FillNormal(Span<double> destination, long start = 0)
    {
        for (int i = 0; i < destination.Length;)
        {
            (double first, double second) = Block(checked((uint)((start + i) >> 1))).ToNormals();
            if (((start + i) & 1) == 0)
            {
                destination[i++] = first;
            }

            if (i < destination.Length)
            {
                destination[i++] = second;
            }
        }
    }

    /// <summary>Draws this stream's words one after another, from the first.</summary>
    public RandomSequence Sequence() => new(this);

    /// <inheritdoc/>
    public bool Equals(RandomStream other) => _seed == other._seed && Counter(0) == other.Counter(0);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RandomStream other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_seed, Counter(0));

    /// <summary>Whether both address the same numbers.</summary>
    public static bool operator ==(RandomStream left, RandomStream right) => left.Equals(right);

    /// <summary>Whether the two address different numbers.</summary>
    public static bool operator !=(RandomStream left, RandomStream right) => !left.Equals(right);
}
