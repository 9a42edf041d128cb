namespace CudaViT.Core;

/// <summary>Stochastic depth: sets each sample (index of axis 0) to 0 with probability p, scales up others.</summary>
/// <remarks>
/// y = x·mask / (1 − p), dx = dy·mask / (1 − p). The mask is drawn again in the backward pass instead of being stored:
/// sample n is kept where number n of the call's random stream is at least p. G. Huang et al., "Deep networks
/// with stochastic depth", arXiv:1603.09382.
/// </remarks>
public sealed class DropPath : Operation
{
    private readonly double _p;
    private readonly RandomStream _stream;

    private DropPath(Tensor x, double p, RandomStream stream)
        : base(inputs: [x], saved: []) => (_p, _stream) = (p, stream);

    /// <summary>Drops samples of <paramref name="x"/>.</summary>
    /// <param name="x">[N, …]; F64, F32 or BF16.</param>
    /// <param name="p">Probability of 0, in [0, 1). With 0 the result is <paramref name="x"/> itself.</param>
    /// <param name="seed">Seed of the run.</param>
    /// <param name="stream">
    /// Number of the call, below 2⁶²: the low 31 bits are the random stream's sample, the rest its epoch.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="x"/> is a scalar or holds integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="p"/> or <paramref name="stream"/> is out of range.
    /// </exception>
    public static Tensor Apply(Tensor x, double p, ulong seed, ulong stream)
    {
        Require.Rows(x, nameof(DropPath));
        RandomStream random = Dropout.Stream(p, seed, stream, RandomOperation.DropPath);
        return p == 0
            ? x
            : Tape.Record(x.Backend.DropPath(x.Data, p, random), new DropPath(x, p, random));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.DropPath(dy, _p, _stream)];
}

public partial interface IBackend
{
    /// <summary>Returns x[n] / (1 − p) where random.Single(n) is at least p, else 0; n counts axis 0.</summary>
    NdArray DropPath(NdArray x, double p, RandomStream random);
}
