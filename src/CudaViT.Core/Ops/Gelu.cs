namespace CudaViT.Core;

/// <summary>The exact Gaussian error linear unit, y = x·Φ(x) with the normal distribution Φ.</summary>
/// <remarks>
/// Φ(x) = (1 + erf(x/√2)) / 2, and dx = dy·(Φ(x) + x·φ(x)) with the density φ(x) = e^(−x²/2) / √(2π).
/// D. Hendrycks, K. Gimpel, arXiv:1606.08415. Saves x: the result does not determine it, for GELU is not monotonous.
/// </remarks>
public sealed class Gelu : Operation
{
    private readonly NdArray _x;

    private Gelu(Tensor x)
        : base(inputs: [x], saved: [x.Data]) => _x = x.Data;

    /// <summary>Applies the function to every element.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Float(x, nameof(Gelu));
        return Tape.Record(x.Backend.Gelu(x.Data), new Gelu(x));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.GeluBackward(dy, _x)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Gelu.Apply"/>
    public Tensor Gelu() => Core.Gelu.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns x·Φ(x).</summary>
    NdArray Gelu(NdArray x);

    /// <summary>Returns dy·(Φ(x) + x·φ(x)).</summary>
    NdArray GeluBackward(NdArray dy, NdArray x);
}
