namespace CudaViT.Core;

/// <summary>Turns every row of the last axis into probabilities.</summary>
/// <remarks>
/// y[j] = e^(x[j] − m) / Σₖ e^(x[k] − m) with m = maxₖ x[k], so that nothing overflows.
/// dx[j] = y[j]·(dy[j] − Σₖ dy[k]·y[k]).
/// </remarks>
public sealed class Softmax : Operation
{
    private readonly NdArray _y;

    private Softmax(Tensor x, NdArray y)
        : base(inputs: [x], saved: [y]) => _y = y;

    /// <summary>Applies the softmax along the last axis.</summary>
    /// <param name="x">[…, D]; F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> is a scalar or holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Rows(x, nameof(Softmax));
        NdArray y = x.Backend.Softmax(x.Data);
        return Tape.Record(y, new Softmax(x, y));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.SoftmaxBackward(dy, _y)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Softmax.Apply"/>
    public Tensor Softmax() => Core.Softmax.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns the softmax along the last axis.</summary>
    NdArray Softmax(NdArray x);

    /// <summary>Returns dx = y·(dy − Σ dy·y) along the last axis, given y = softmax(x).</summary>
    NdArray SoftmaxBackward(NdArray dy, NdArray y);
}
