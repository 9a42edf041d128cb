namespace CudaViT.Core;

/// <summary>Positive part of every element, y = max(x, 0).</summary>
/// <remarks>dx = dy where x &gt; 0, else 0; at 0 itself the derivative is taken to be 0. NaN stays NaN.</remarks>
public sealed class Relu : Operation
{
    private readonly NdArray _y;

    private Relu(Tensor x, NdArray y)
        : base(inputs: [x], saved: [y]) => _y = y;

    /// <summary>Cuts off the negative part of every element.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Float(x, nameof(Relu));
        NdArray y = x.Backend.Relu(x.Data);
        return Tape.Record(y, new Relu(x, y));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.ReluBackward(dy, _y)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Relu.Apply"/>
    public Tensor Relu() => Core.Relu.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns max(x, 0); NaN where x is NaN.</summary>
    NdArray Relu(NdArray x);

    /// <summary>Returns dy where y = max(x, 0) is positive, and 0 elsewhere.</summary>
    NdArray ReluBackward(NdArray dy, NdArray y);
}
