namespace CudaViT.Core;

/// <summary>Adds one vector to every row: y[…,j] = x[…,j] + b[j].</summary>
/// <remarks>dx = dy; db[j] is the sum of dy[…,j] over all rows.</remarks>
public sealed class BiasAdd : Operation
{
    private readonly Shape _bias;

    private BiasAdd(Tensor x, Tensor bias)
        : base(inputs: [x, bias], saved: []) => _bias = bias.Shape;

    /// <summary>Adds <paramref name="bias"/> to the last axis of <paramref name="x"/>.</summary>
    /// <param name="x">[…, D]; F64, F32 or BF16.</param>
    /// <param name="bias">[D], with the type and device of <paramref name="x"/>.</param>
    /// <exception cref="ArgumentException">Shapes, types or devices do not go together.</exception>
    public static Tensor Apply(Tensor x, Tensor bias)
    {
        Require.Rows(x, nameof(BiasAdd));
        Require.Like(bias, [x.Shape[^1]], x, nameof(BiasAdd), nameof(bias));
        return Tape.Record(x.Backend.Add(x.Data, bias.Data), new BiasAdd(x, bias));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [NeedsGradient(0) ? dy : null, NeedsGradient(1) ? Broadcasting.Reduce(dy, _bias) : null];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.BiasAdd.Apply"/>
    public Tensor BiasAdd(Tensor bias) => Core.BiasAdd.Apply(this, bias);
}
