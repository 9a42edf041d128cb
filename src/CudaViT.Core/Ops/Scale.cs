namespace CudaViT.Core;

/// <summary>Product with a number, y = c·x.</summary>
/// <remarks>dx = c·dy.</remarks>
public sealed class Scale : Operation
{
    private readonly double _factor;

    private Scale(Tensor x, double factor)
        : base(inputs: [x], saved: []) => _factor = factor;

    /// <summary>Multiplies every element by <paramref name="factor"/>.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <param name="factor">Rounded to the accumulator type of <paramref name="x"/> before the product.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x, double factor)
    {
        Require.Float(x, nameof(Scale));
        return Tape.Record(x.Backend.Scale(x.Data, factor), new Scale(x, factor));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.Scale(dy, _factor)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Scale.Apply"/>
    public Tensor Scale(double factor) => Core.Scale.Apply(this, factor);

    /// <summary>The tensor with every sign turned.</summary>
    public Tensor Negate() => Core.Scale.Apply(this, -1);

    /// <inheritdoc cref="Core.Scale.Apply"/>
    public static Tensor operator *(Tensor x, double factor) => Core.Scale.Apply(x, factor);

    /// <inheritdoc cref="Core.Scale.Apply"/>
    public static Tensor operator *(double factor, Tensor x) => Core.Scale.Apply(x, factor);

    /// <inheritdoc cref="Negate"/>
    public static Tensor operator -(Tensor x) => Core.Scale.Apply(x, -1);
}

public partial interface IBackend
{
    /// <summary>Returns factor·x.</summary>
    NdArray Scale(NdArray x, double factor);
}
