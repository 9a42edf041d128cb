namespace CudaViT.Core;

/// <summary>Logarithm of the softmax along the last axis, without forming the probabilities.</summary>
/// <remarks>y[j] = (x[j] − m) − ln Σₖ e^(x[k] − m) with m = maxₖ x[k]. dx[j] = dy[j] − e^(y[j])·Σₖ dy[k].</remarks>
public sealed class LogSoftmax : Operation
{
    private readonly NdArray _y;

    private LogSoftmax(Tensor x, NdArray y)
        : base(inputs: [x], saved: [y]) => _y = y;

    /// <summary>Applies the log-softmax along the last axis.</summary>
    /// <param name="x">[…, D]; F64, F32 or BF16.</param>
    /// <exception cref="ArgumentException"><paramref name="x"/> is a scalar or holds integers.</exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Rows(x, nameof(LogSoftmax));
        NdArray y = x.Backend.LogSoftmax(x.Data);
        return Tape.Record(y, new LogSoftmax(x, y));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.LogSoftmaxBackward(dy, _y)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.LogSoftmax.Apply"/>
    public Tensor LogSoftmax() => Core.LogSoftmax.Apply(this);
}

public partial interface IBackend
{
    /// <summary>Returns the logarithm of the softmax along the last axis.</summary>
    NdArray LogSoftmax(NdArray x);

    /// <summary>Returns dx = dy − eʸ·Σ dy along the last axis, given y = log softmax(x).</summary>
    NdArray LogSoftmaxBackward(NdArray dy, NdArray y);
}
