namespace CudaViT.Core;

/// <summary>Difference of two tensors, y = a − b, with broadcasting.</summary>
/// <remarks>da = dy and db = −dy, each summed over what its operand was stretched along.</remarks>
public sealed class Subtract : Operation
{
    private readonly Shape _a;
    private readonly Shape _b;

    private Subtract(Tensor a, Tensor b)
        : base(inputs: [a, b], saved: []) => (_a, _b) = (a.Shape, b.Shape);

    /// <summary>Subtracts element by element.</summary>
    /// <param name="a">F64, F32 or BF16.</param>
    /// <param name="b">The type and device of <paramref name="a"/>; shapes broadcast by NumPy's rule.</param>
    /// <exception cref="ArgumentException">Types or devices differ, or the shapes do not broadcast.</exception>
    public static Tensor Apply(Tensor a, Tensor b)
    {
        Broadcasting.Require(a, b, nameof(Subtract));
        return Tape.Record(a.Backend.Subtract(a.Data, b.Data), new Subtract(a, b));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
    [
        NeedsGradient(0) ? Broadcasting.Reduce(dy, _a) : null,
        NeedsGradient(1) ? Broadcasting.Reduce(dy, _b, factor: -1) : null,
    ];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Subtract.Apply"/>
    public Tensor Subtract(Tensor b) => Core.Subtract.Apply(this, b);

    /// <inheritdoc cref="Core.Subtract.Apply"/>
    public static Tensor operator -(Tensor a, Tensor b) => Core.Subtract.Apply(a, b);
}

public partial interface IBackend
{
    /// <summary>Returns a − b under broadcasting.</summary>
    NdArray Subtract(NdArray a, NdArray b);
}
