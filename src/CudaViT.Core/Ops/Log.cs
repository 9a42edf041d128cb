namespace CudaViT.Core;

/// <summary>Natural logarithm of every element, y = ln x.</summary>
/// <remarks>dx = dy / x. The logarithm of 0 is −∞, that of a negative number NaN.</remarks>
public sealed class Log : Operation
{
    private readonly NdArray _x;

    private Log(Tensor x)
        : base(inputs: [x], saved: [x.Data]) => _x = x.Data;

    /// <summary>Takes the natural logarithm of every element.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Float(x, nameof(Log));
        return Tape.Record(x.Backend.Log(x.Data), new Log(x));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.Divide(dy, _x)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Log.Apply"/>
    public Tensor Log() => Core.Log.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns ln x.</summary>
    NdArray Log(NdArray x);
}
