namespace CudaViT.Core;

/// <summary>A range of one axis. Where the range is contiguous, the result shares memory with the input.</summary>
/// <remarks>dx is dy with zeros on both sides.</remarks>
public sealed class Slice : Operation
{
    private readonly Shape _from;
    private readonly int _axis;
    private readonly int _start;

    private Slice(Tensor x, int axis, int start)
        : base(inputs: [x], saved: []) => (_from, _axis, _start) = (x.Shape, axis, start);

    /// <summary>Takes the indices from <paramref name="start"/> up to, not including, <paramref name="end"/>.</summary>
    /// <param name="x">Any shape and type.</param>
    /// <param name="axis">Negative counts from the end.</param>
    /// <param name="start">First index, not negative.</param>
    /// <param name="end">One past the last index, at least <paramref name="start"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis, or the range leaves it.</exception>
    public static Tensor Apply(Tensor x, int axis, int start, int end)
    {
        ArgumentNullException.ThrowIfNull(x);
        int along = x.Shape.Axis(axis);
        if (start < 0 || end < start || end > x.Shape[along])
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), $"Slice: [{start}, {end}) is no range of axis {along} of {x.Shape}.");
        }

        return Tape.Record(Of(x.Data, along, start, end), new Slice(x, along, start));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.SliceBackward(dy, _axis, _start, _from)];

    /// <summary>A view where nothing lies between the parts, else a copy.</summary>
    internal static NdArray Of(NdArray x, int axis, int start, int end)
    {
        bool isContiguous = true;
        foreach (int dimension in x.Shape.Dimensions[..axis])
        {
            isContiguous &= dimension == 1;
        }

        if (!isContiguous)
        {
            return x.Backend.Slice(x, axis, start, end);
        }

        NdArray rows = x.Reshape(Shape.Create(x.Shape.Dimensions[axis..])).Rows(start, end);
        return rows.Reshape(x.Shape.With(axis, end - start));
    }
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Slice.Apply"/>
    public Tensor Slice(int axis, int start, int end) => Core.Slice.Apply(this, axis, start, end);
}

public partial interface IBackend
{
    /// <summary>Returns a copy of the range [start, end) of an axis; any element type.</summary>
    NdArray Slice(NdArray x, int axis, int start, int end);

    /// <summary>
    /// Returns zeros of a shape, with dy in the range of an axis that begins at <paramref name="start"/>.
    /// </summary>
    NdArray SliceBackward(NdArray dy, int axis, int start, Shape shape);
}
