namespace CudaViT.Core;

/// <summary>Reorders the axes and moves the data accordingly: arrays stay contiguous.</summary>
/// <remarks>Axis i of y is axis axes[i] of x. dx is dy under the inverse order.</remarks>
public sealed class Permute : Operation
{
    private readonly int[] _inverse;

    private Permute(Tensor x, int[] order)
        : base(inputs: [x], saved: [])
    {
        _inverse = new int[order.Length];
        for (int i = 0; i < order.Length; i++)
        {
            _inverse[order[i]] = i;
        }
    }

    /// <summary>Reorders the axes of <paramref name="x"/>.</summary>
    /// <param name="x">Any shape and type.</param>
    /// <param name="axes">Every axis of <paramref name="x"/> once, negative ones counted from the end.</param>
    /// <exception cref="ArgumentException">The axes are not a permutation of those of <paramref name="x"/>.</exception>
    public static Tensor Apply(Tensor x, params ReadOnlySpan<int> axes)
    {
        ArgumentNullException.ThrowIfNull(x);
        int[] order = axes.ToArray();
        if (order.Length == x.Shape.Rank)
        {
            for (int i = 0; i < order.Length; i++)
            {
                order[i] = x.Shape.Axis(order[i]);
            }
        }

        if (!order.Order().SequenceEqual(Enumerable.Range(0, x.Shape.Rank)))
        {
            throw new ArgumentException(
                $"Permute: [{string.Join(", ", axes.ToArray())}] does not name every axis of {x.Shape} once.");
        }

        return Tape.Record(x.Backend.Permute(x.Data, order), new Permute(x, order));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.Permute(dy, _inverse)];
}

public sealed partial class Tensor
{
    /// <inheritdoc cref="Core.Permute.Apply"/>
    public Tensor Permute(params ReadOnlySpan<int> axes) => Core.Permute.Apply(this, axes);

    /// <summary>Swaps two axes.</summary>
    /// <param name="first">Negative counts from the end.</param>
    /// <param name="second">Negative counts from the end.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public Tensor Transpose(int first, int second)
    {
        int[] order = [.. Enumerable.Range(0, Shape.Rank)];
        (int i, int j) = (Shape.Axis(first), Shape.Axis(second));
        (order[i], order[j]) = (order[j], order[i]);
        return Core.Permute.Apply(this, order);
    }
}

public partial interface IBackend
{
    /// <summary>Returns y, whose axis i is axis order[i] of x; any element type.</summary>
    NdArray Permute(NdArray x, ReadOnlySpan<int> order);
}
