namespace CudaViT.Core;

/// <summary>Exponential of every element, y = eˣ.</summary>
/// <remarks>dx = dy·y.</remarks>
public sealed class Exp : Operation
{
    private readonly NdArray _y;

    private Exp(Tensor x, NdArray y)
        : base(inputs: [x], saved: [y]) => _y = y;

    /// <summary>Raises e to the power of every element.</summary>
    /// <param name="x">
    /// Any shape; F64, F32 or BF16. What exceeds the logarithm of the largest number becomes infinite.
    /// </param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Float(x, nameof(Exp));
        NdArray y = x.Backend.Exp(x.Data);
        return Tape.Record(y, new Exp(x, y));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.Multiply(dy, _y)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Exp.Apply"/>
    public Tensor Exp() => Core.Exp.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns eˣ; infinity where that is too large for the type.</summary>
    NdArray Exp(NdArray x);
}
