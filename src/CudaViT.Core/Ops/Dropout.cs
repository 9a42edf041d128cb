namespace CudaViT.Core;

/// <summary>Sets each element to 0 with probability p and scales up the others, so that the mean stays.</summary>
/// <remarks>
/// y = x·mask / (1 − p), dx = dy·mask / (1 − p). The mask is drawn again in the backward pass instead of being stored:
/// element i is kept where number i of the call's random stream is at least p. N. Srivastava et al., "Dropout",
/// JMLR 15 (2014).
/// </remarks>
public sealed class Dropout : Operation
{
    private readonly double _p;
    private readonly RandomStream _stream;

    private Dropout(Tensor x, double p, RandomStream stream)
        : base(inputs: [x], saved: []) => (_p, _stream) = (p, stream);

    /// <summary>Drops elements of <paramref name="x"/>.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <param name="p">Probability of 0, in [0, 1). With 0 the result is <paramref name="x"/> itself.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="stream">
    /// Number of the call, below 2⁶²: the low 31 bits are the random stream's sample, the rest its epoch.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="p"/> or <paramref name="stream"/> is out of range.
    /// </exception>
    public static Tensor Apply(Tensor x, double p, ulong seed, ulong stream)
    {
        Require.Float(x, nameof(Dropout));
        RandomStream random = Stream(p, seed, stream, RandomOperation.Dropout);
        return p == 0
            ? x
            : Tape.Record(x.Backend.Dropout(x.Data, p, random), new Dropout(x, p, random));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.Dropout(dy, _p, _stream)];

    /// <summary>Checks the probability and the call number, and addresses the random numbers of the call.</summary>
    internal static RandomStream Stream(double p, ulong seed, ulong stream, RandomOperation operation)
    {
        if (!(p >= 0 && p < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(p), p, $"{operation}: p must be in [0, 1).");
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(stream, 1UL << 62);
        return new RandomStream(seed, (int)(stream >> 31), (int)(stream & int.MaxValue), view: 0, operation);
    }
}

public partial interface IBackend
{
    /// <summary>Returns x[i] / (1 − p) where random.Single(i) is at least p, else 0; i counts all elements.</summary>
    NdArray Dropout(NdArray x, double p, RandomStream random);
}
