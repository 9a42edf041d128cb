namespace CudaViT.Core;

/// <summary>Sum over some axes, or all.</summary>
/// <remarks>dx = dy, repeated along the reduced axes. An empty sum is 0.</remarks>
public sealed class Sum : Operation
{
    private readonly Shape _from;
    private readonly Shape _kept;

    private Sum(Tensor x, ReducedAxes axes)
        : base(inputs: [x], saved: []) => (_from, _kept) = (x.Shape, axes.Kept);

    /// <summary>Sums over <paramref name="axes"/>.</summary>
    /// <param name="x">F64, F32 or BF16.</param>
    /// <param name="axes">The axes to reduce, negative ones counted from the end; null for all.</param>
    /// <param name="keepDims">Leave 1 in place of every reduced dimension.</param>
    /// <exception cref="ArgumentException">An axis is named twice, or <paramref name="x"/> holds integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public static Tensor Apply(Tensor x, int[]? axes = null, bool keepDims = false)
    {
        var reduced = new ReducedAxes(x, axes, keepDims, nameof(Sum));
        NdArray y = x.Backend.SumTo(x.Data, reduced.Kept);
        return Tape.Record(y.Reshape(reduced.Result), new Sum(x, reduced));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.BroadcastTo(dy.Reshape(_kept), _from)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Sum.Apply"/>
    public Tensor Sum(int[]? axes = null, bool keepDims = false) => Core.Sum.Apply(this, axes, keepDims);
}
