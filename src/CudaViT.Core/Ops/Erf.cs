namespace CudaViT.Core;

/// <summary>Error function of every element, y = erf x = 2/√π ∫₀ˣ e^(−t²) dt.</summary>
/// <remarks>
/// dx = dy·2/√π·e^(−x²).
/// </remarks>
public sealed class Erf : Operation
{
    private readonly NdArray _x;

    private Erf(Tensor x)
        : base(inputs: [x], saved: [x.Data]) => _x = x.Data;

    /// <summary>Takes the error function of every element.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Float(x, nameof(Erf));
        return Tape.Record(x.Backend.Erf(x.Data), new Erf(x));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.ErfBackward(dy, _x)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Erf.Apply"/>
    public Tensor Erf() => Core.Erf.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns erf x.</summary>
    NdArray Erf(NdArray x);

    /// <summary>Returns dy·2/√π·e^(−x²).</summary>
    NdArray ErfBackward(NdArray dy, NdArray x);
}
