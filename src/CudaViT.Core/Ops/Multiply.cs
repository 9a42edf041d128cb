namespace CudaViT.Core;

/// <summary>Product of two tensors, element by element: y = a·b, with broadcasting.</summary>
/// <remarks>da = dy·b and db = dy·a, each summed over what its operand was stretched along.</remarks>
public sealed class Multiply : Operation
{
    private readonly NdArray _a;
    private readonly NdArray _b;

    private Multiply(Tensor a, Tensor b)
        : base(inputs: [a, b], saved: [a.Data, b.Data]) => (_a, _b) = (a.Data, b.Data);

    /// <summary>Multiplies element by element.</summary>
    /// <param name="a">F64, F32 or BF16.</param>
    /// <param name="b">The type and device of <paramref name="a"/>; shapes broadcast by NumPy's rule.</param>
    /// <exception cref="ArgumentException">Types or devices differ, or the shapes do not broadcast.</exception>
    public static Tensor Apply(Tensor a, Tensor b)
    {
        Broadcasting.Require(a, b, nameof(Multiply));
        return Tape.Record(a.Backend.Multiply(a.Data, b.Data), new Multiply(a, b));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
    [
        NeedsGradient(0) ? Broadcasting.ReduceOwn(dy.Backend.Multiply(dy, _b), _a.Shape) : null,
        NeedsGradient(1) ? Broadcasting.ReduceOwn(dy.Backend.Multiply(dy, _a), _b.Shape) : null,
    ];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Multiply.Apply"/>
    public Tensor Multiply(Tensor b) => Core.Multiply.Apply(this, b);

    /// <inheritdoc cref="Core.Multiply.Apply"/>
    public static Tensor operator *(Tensor a, Tensor b) => Core.Multiply.Apply(a, b);
}

public partial interface IBackend
{
    /// <summary>Returns a·b, element by element, under broadcasting.</summary>
    NdArray Multiply(NdArray a, NdArray b);
}
