namespace CudaViT.Core;

/// <summary>Converts between floating-point types; the gradient is converted back.</summary>
/// <remarks>y = round(x) to nearest even. Mixed-precision training casts master weights with it.</remarks>
public sealed class Cast : Operation
{
    private readonly DType _from;

    private Cast(Tensor x)
        : base(inputs: [x], saved: []) => _from = x.DType;

    /// <summary>Converts <paramref name="x"/>; returns it unchanged when it has the type already.</summary>
    /// <param name="x">Any shape; F64, F32 or BF16.</param>
    /// <param name="dtype">F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException">One of the types is an integer type.</exception>
    public static Tensor Apply(Tensor x, DType dtype)
    {
        Require.Float(x, nameof(Cast));
        if (!dtype.IsFloatingPoint())
        {
            throw new ArgumentException(
                $"Cast: gradients cannot pass through {dtype}. Cast the array instead: x.Data.Cast.");
        }

        return dtype == x.DType ? x : Tape.Record(x.Backend.Cast(x.Data, dtype), new Cast(x));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.Cast(dy, _from)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Cast.Apply"/>
    public Tensor Cast(DType dtype) => Core.Cast.Apply(this, dtype);
}
