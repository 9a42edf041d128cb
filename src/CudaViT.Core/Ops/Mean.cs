namespace CudaViT.Core;

/// <summary>Arithmetic mean over some axes, or all.</summary>
/// <remarks>dx = dy / n for n reduced elements, repeated along the reduced axes. The mean of nothing is NaN.</remarks>
public sealed class Mean : Operation
{
    private readonly Shape _from;
    private readonly Shape _kept;
    private readonly double _factor;

    private Mean(Tensor x, ReducedAxes axes)
        : base(inputs: [x], saved: []) => (_from, _kept, _factor) = (x.Shape, axes.Kept, 1.0 / axes.Count);

    /// <summary>Averages over <paramref name="axes"/>.</summary>
    /// <param name="x">F64, F32 or BF16.</param>
    /// <param name="axes">The axes to reduce, negative ones counted from the end; null for all.</param>
    /// <param name="keepDims">Leave 1 in place of every reduced dimension.</param>
    /// <exception cref="ArgumentException">An axis is named twice, or <paramref name="x"/> holds integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public static Tensor Apply(Tensor x, int[]? axes = null, bool keepDims = false)
    {
        var reduced = new ReducedAxes(x, axes, keepDims, nameof(Mean));
        NdArray y = x.Backend.SumTo(x.Data, reduced.Kept, 1.0 / reduced.Count);
        return Tape.Record(y.Reshape(reduced.Result), new Mean(x, reduced));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.BroadcastTo(dy.Reshape(_kept), _from, _factor)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Mean.Apply"/>
    public Tensor Mean(int[]? axes = null, bool keepDims = false) => Core.Mean.Apply(this, axes, keepDims);
}
