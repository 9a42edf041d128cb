namespace CudaViT.Core;

/// <summary>Stretches dimensions of 1, or missing ones, to a larger shape.</summary>
/// <remarks>dx is dy summed over what x was stretched along. The result is a copy: arrays are contiguous.</remarks>
public sealed class BroadcastTo : Operation
{
    private readonly Shape _from;

    private BroadcastTo(Tensor x)
        : base(inputs: [x], saved: []) => _from = x.Shape;

    /// <summary>Repeats <paramref name="x"/> along the axes that <paramref name="shape"/> adds or widens.</summary>
    /// <param name="x">F64, F32 or BF16; its shape broadcasts to <paramref name="shape"/>.</param>
    /// <param name="shape">The shape of the result.</param>
    /// <exception cref="ArgumentException">
    /// The shapes do not broadcast, or <paramref name="x"/> holds integers.
    /// </exception>
    public static Tensor Apply(Tensor x, Shape shape)
    {
        Require.Float(x, nameof(BroadcastTo));
        RequireStretch(x.Shape, shape, nameof(BroadcastTo));
        return Tape.Record(x.Backend.BroadcastTo(x.Data, shape), new BroadcastTo(x));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.SumTo(dy, _from)];

    internal static void RequireStretch(Shape small, Shape large, string operation)
    {
        if (Shape.Broadcast(small, large) != large)
        {
            throw new ArgumentException(
                $"{operation}: {small} does not broadcast to {large}. Only dimensions of 1 stretch, matched from the "
                + "right.");
        }
    }
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.BroadcastTo.Apply"/>
    public Tensor BroadcastTo(Shape shape) => Core.BroadcastTo.Apply(this, shape);
}

public partial interface IBackend
{
    /// <summary>Returns x stretched to a shape it broadcasts to, times <paramref name="factor"/>.</summary>
    NdArray BroadcastTo(NdArray x, Shape shape, double factor = 1);
}
