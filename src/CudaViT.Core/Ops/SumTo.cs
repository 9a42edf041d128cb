namespace CudaViT.Core;

/// <summary>Sums to a shape that broadcasts to the input's: the adjoint of <see cref="BroadcastTo"/>.</summary>
/// <remarks>dx = dy, stretched to the shape of x.</remarks>
public sealed class SumTo : Operation
{
    private readonly Shape _from;

    private SumTo(Tensor x)
        : base(inputs: [x], saved: []) => _from = x.Shape;

    /// <summary>
    /// Sums over the axes along which <paramref name="shape"/> would be stretched to that of <paramref name="x"/>.
    /// </summary>
    /// <param name="x">F64, F32 or BF16.</param>
    /// <param name="shape">Broadcasts to the shape of <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">It does not, or <paramref name="x"/> holds integers.</exception>
    public static Tensor Apply(Tensor x, Shape shape)
    {
        Require.Float(x, nameof(SumTo));
        BroadcastTo.RequireStretch(shape, x.Shape, nameof(SumTo));
        return Tape.Record(x.Backend.SumTo(x.Data, shape), new SumTo(x));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.BroadcastTo(dy, _from)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.SumTo.Apply"/>
    public Tensor SumTo(Shape shape) => Core.SumTo.Apply(this, shape);
}

public partial interface IBackend
{
    /// <summary>
    /// Sums <paramref name="x"/> over the axes along which <paramref name="shape"/> broadcasts, in an order that
    /// depends on the shapes alone, and multiplies by <paramref name="factor"/> before rounding. An empty sum is 0.
    /// </summary>
    NdArray SumTo(NdArray x, Shape shape, double factor = 1);
}
