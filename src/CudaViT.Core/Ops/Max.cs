namespace CudaViT.Core;

/// <summary>Largest element over some axes, or all.</summary>
/// <remarks>
/// The whole gradient goes to the element that was taken: among equal ones the first in row-major order. NaN counts as
/// larger than every number.
/// </remarks>
public sealed class Max : Operation
{
    private readonly Shape _from;
    private readonly NdArray _indices; // I64, the shape of y: where in x each result came from

    private Max(Tensor x, NdArray indices)
        : base(inputs: [x], saved: [indices]) => (_from, _indices) = (x.Shape, indices);

    /// <summary>Takes the maximum over <paramref name="axes"/>.</summary>
    /// <param name="x">F64, F32 or BF16.</param>
    /// <param name="axes">The axes to reduce, negative ones counted from the end; null for all.</param>
    /// <param name="keepDims">Leave 1 in place of every reduced dimension.</param>
    /// <exception cref="ArgumentException">
    /// A reduced axis is empty, an axis is named twice, or <paramref name="x"/> holds integers.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public static Tensor Apply(Tensor x, int[]? axes = null, bool keepDims = false)
    {
        var reduced = new ReducedAxes(x, axes, keepDims, nameof(Max));
        if (reduced.Count == 0)
        {
            throw new ArgumentException(
                $"Max: nothing has no largest element, but a reduced axis of {x.Shape} is empty. Leave it out.");
        }

        (NdArray y, NdArray indices) = x.Backend.Max(x.Data, reduced.Kept);
        return Tape.Record(y.Reshape(reduced.Result), new Max(x, indices.Reshape(reduced.Result)));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.MaxBackward(dy, _indices, _from)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Max.Apply"/>
    public Tensor Max(int[]? axes = null, bool keepDims = false) => Core.Max.Apply(this, axes, keepDims);
}

public partial interface IBackend
{
    /// <summary>
    /// Returns the maxima over the axes along which <paramref name="shape"/> broadcasts to that of x, none of them
    /// empty, and the row-major index (I64) in x of each: the first among equal ones.
    /// </summary>
    (NdArray Y, NdArray Indices) Max(NdArray x, Shape shape);

    /// <summary>Returns zeros of a shape with dy at the given row-major indices, which are all different.</summary>
    NdArray MaxBackward(NdArray dy, NdArray indices, Shape shape);
}
