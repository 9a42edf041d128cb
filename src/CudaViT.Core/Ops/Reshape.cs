namespace CudaViT.Core;

/// <summary>Gives the same elements another shape. No data moves: result and input share memory.</summary>
public sealed class Reshape : Operation
{
    private readonly Shape _from;

    private Reshape(Tensor x)
        : base(inputs: [x], saved: []) => _from = x.Shape;

    /// <summary>Reshapes <paramref name="x"/>.</summary>
    /// <param name="x">Any shape and type.</param>
    /// <param name="dimensions">The new shape; one dimension may be −1 and takes what is left.</param>
    /// <exception cref="ArgumentException">The new shape has another number of elements.</exception>
    public static Tensor Apply(Tensor x, params ReadOnlySpan<int> dimensions)
    {
        ArgumentNullException.ThrowIfNull(x);
        return Tape.Record(x.Data.Reshape(dimensions), new Reshape(x));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Reshape(_from)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Reshape.Apply"/>
    public Tensor Reshape(params ReadOnlySpan<int> dimensions) => Core.Reshape.Apply(this, dimensions);
}
