namespace CudaViT.Core;

/// <summary>Hyperbolic tangent of every element, y = tanh x.</summary>
/// <remarks>dx = dy·(1 − y²).</remarks>
public sealed class Tanh : Operation
{
    private readonly NdArray _y;

    private Tanh(Tensor x, NdArray y)
        : base(inputs: [x], saved: [y]) => _y = y;

    /// <summary>Takes the hyperbolic tangent of every element.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Float(x, nameof(Tanh));
        NdArray y = x.Backend.Tanh(x.Data);
        return Tape.Record(y, new Tanh(x, y));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.TanhBackward(dy, _y)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Tanh.Apply"/>
    public Tensor Tanh() => Core.Tanh.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns tanh x.</summary>
    NdArray Tanh(NdArray x);

    /// <summary>Returns dy·(1 − y²), given y = tanh x.</summary>
    NdArray TanhBackward(NdArray dy, NdArray y);
}
