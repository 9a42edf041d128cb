namespace CudaViT.Core;

/// <summary>Joins tensors along one axis.</summary>
/// <remarks>Each input's gradient is its part of dy.</remarks>
public sealed class Concat : Operation
{
    private readonly int _axis;
    private readonly int[] _lengths;

    private Concat(Tensor[] inputs, int axis)
        : base(inputs: inputs, saved: []) =>
        (_axis, _lengths) = (axis, Array.ConvertAll(inputs, x => x.Shape[axis]));

    /// <summary>Joins <paramref name="inputs"/> in order.</summary>
    /// <param name="inputs">At least one; equal in type, device and every dimension but that of the axis.</param>
    /// <param name="axis">Negative counts from the end.</param>
    /// <exception cref="ArgumentException">There is no input, or two do not fit.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public static Tensor Apply(IReadOnlyList<Tensor> inputs, int axis)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count == 0)
        {
            throw new ArgumentException("Concat: there is nothing to join. Pass at least one tensor.");
        }

        Tensor first = inputs[0];
        int along = first.Shape.Axis(axis);
        for (int i = 1; i < inputs.Count; i++)
        {
            Require.SameKind(inputs[i], first, nameof(Concat), $"inputs[{i}]");
            Shape shape = inputs[i].Shape;
            if (shape.Rank != first.Shape.Rank || shape.With(along, first.Shape[along]) != first.Shape)
            {
                throw new ArgumentException(
                    $"Concat: inputs[{i}] is {shape}, but the first is {first.Shape}. All dimensions except "
                    + $"axis {along} must agree.");
            }
        }

        NdArray y = first.Backend.Concat([.. inputs.Select(x => x.Data)], along);
        return Tape.Record(y, new Concat([.. inputs], along));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy)
    {
        var gradients = new NdArray?[_lengths.Length];
        int start = 0;
        for (int i = 0; i < gradients.Length; i++)
        {
            int end = start + _lengths[i];
            gradients[i] = NeedsGradient(i) ? Slice.Of(dy, _axis, start, end) : null;
            start = end;
        }

        return gradients;
    }
}

public partial interface IBackend
{
    /// <summary>Returns the inputs joined along an axis; any element type.</summary>
    NdArray Concat(ReadOnlySpan<NdArray> inputs, int axis);
}
