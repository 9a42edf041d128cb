namespace CudaViT.Core;

/// <summary>Quotient of two tensors, y = a / b, with broadcasting.</summary>
/// <remarks>
/// da = dy / b and db = −dy·a / b² = −(dy / b)·y, each summed over what its operand was stretched along. Division by
/// zero follows IEEE 754.
/// </remarks>
public sealed class Divide : Operation
{
    private readonly NdArray _b;
    private readonly NdArray _y;
    private readonly Shape _a;

    private Divide(Tensor a, Tensor b, NdArray y)
        : base(inputs: [a, b], saved: [b.Data, y]) => (_a, _b, _y) = (a.Shape, b.Data, y);

    /// <summary>Divides element by element.</summary>
    /// <param name="a">F64, F32 or BF16.</param>
    /// <param name="b">The type and device of <paramref name="a"/>; shapes broadcast by NumPy's rule.</param>
    /// <exception cref="ArgumentException">Types or devices differ, or the shapes do not broadcast.</exception>
    public static Tensor Apply(Tensor a, Tensor b)
    {
        Broadcasting.Require(a, b, nameof(Divide));
        NdArray y = a.Backend.Divide(a.Data, b.Data);
        return Tape.Record(y, new Divide(a, b, y));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy)
    {
        NdArray quotient = dy.Backend.Divide(dy, _b);
        NdArray? db = NeedsGradient(1)
            ? Broadcasting.ReduceOwn(dy.Backend.Multiply(quotient, _y), _b.Shape, factor: -1)
            : null;
        return [NeedsGradient(0) ? Broadcasting.ReduceOwn(quotient, _a) : null, db];
    }
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Divide.Apply"/>
    public Tensor Divide(Tensor b) => Core.Divide.Apply(this, b);

    /// <inheritdoc cref="Core.Divide.Apply"/>
    public static Tensor operator /(Tensor a, Tensor b) => Core.Divide.Apply(a, b);
}

public partial interface IBackend
{
    /// <summary>Returns a / b under broadcasting.</summary>
    NdArray Divide(NdArray a, NdArray b);
}
