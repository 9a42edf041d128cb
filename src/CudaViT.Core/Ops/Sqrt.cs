namespace CudaViT.Core;

/// <summary>Square root of every element, y = √x.</summary>
/// <remarks>dx = dy / (2y), which is infinite where x is 0. The root of a negative number is NaN.</remarks>
public sealed class Sqrt : Operation
{
    private readonly NdArray _y;

    private Sqrt(Tensor x, NdArray y)
        : base(inputs: [x], saved: [y]) => _y = y;

    /// <summary>Takes the square root of every element.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Float(x, nameof(Sqrt));
        NdArray y = x.Backend.Sqrt(x.Data);
        return Tape.Record(y, new Sqrt(x, y));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.SqrtBackward(dy, _y)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Sqrt.Apply"/>
    public Tensor Sqrt() => Core.Sqrt.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns √x.</summary>
    NdArray Sqrt(NdArray x);

    /// <summary>Returns dy / (2y), given y = √x.</summary>
    NdArray SqrtBackward(NdArray dy, NdArray y);
}
