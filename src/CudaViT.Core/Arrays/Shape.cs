using System.Collections;
using System.Runtime.CompilerServices;

namespace CudaViT.Core;

/// <summary>Dimensions of an array, outermost first. <c>[]</c> is the shape of a scalar. Immutable.</summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IReadOnlyList<int>
{
    private readonly int[]? _dimensions;

    private Shape(int[] dimensions) => _dimensions = dimensions;

    /// <summary>Number of dimensions.</summary>
    public int Rank => _dimensions?.Length ?? 0;

    /// <summary>Number of elements: the product of all dimensions, 1 for a scalar.</summary>
    public long Count
    {
        get
        {
            long count = 1;
            foreach (int dimension in Dimensions)
            {
                count *= dimension;
            }

            return count;
        }
    }

    /// <summary>The dimensions as a span.</summary>
    public ReadOnlySpan<int> Dimensions => _dimensions;

    int IReadOnlyCollection<int>.Count => Rank;

    /// <summary>One dimension; <c>shape[^1]</c> is the innermost.</summary>
    public int this[int axis] => Dimensions[axis];

    /// <summary>One dimension, counted from either end.</summary>
    public int this[Index axis] => Dimensions[axis];

    /// <summary>
    /// Makes a shape from its dimensions; collection expressions such as <c>[8, 197, 384]</c> come here.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A dimension is negative, or the element count exceeds 2⁶³ − 1.
    /// </exception>
    public static Shape Create(params ReadOnlySpan<int> dimensions)
    {
        long count = dimensions.Contains(0) ? 0 : 1;
        foreach (int dimension in dimensions)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(dimension);
            if (dimension > 0 && count > long.MaxValue / dimension)
            {
                throw new ArgumentOutOfRangeException(
                    nameof(dimensions),
                    $"[{string.Join(", ", dimensions.ToArray())}] has more than 2^63 - 1 elements.");
            }

            count *= dimension;
        }

        return new Shape(dimensions.ToArray());
    }

    /// <summary>Turns a possibly negative axis into one in [0, <see cref="Rank"/>): −1 is the innermost.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public int Axis(int axis)
    {
        int found = axis < 0 ? axis + Rank : axis;
        if (found < 0 || found >= Rank)
        {
            throw new ArgumentOutOfRangeException(
                nameof(axis), axis, $"A shape of rank {Rank} {this} has axes {-Rank} to {Rank - 1}.");
        }

        return found;
    }

    /// <summary>The same shape with one dimension replaced.</summary>
    public Shape With(int axis, int dimension)
    {
        int[] dimensions = Dimensions.ToArray();
        dimensions[Axis(axis)] = dimension;
        return Create(dimensions);
    }

    /// <summary>Product of the dimensions from <paramref name="first"/> on; the stride of the axis before it.</summary>
    public long CountFrom(int first)
    {
        long count = 1;
        foreach (int dimension in Dimensions[first..])
        {
            count *= dimension;
        }

        return count;
    }

    /// <summary>
    /// The shape that <paramref name="a"/> and <paramref name="b"/> broadcast to by NumPy's rule: dimensions are
    /// matched from the innermost out, and a dimension of 1, or a missing one, stretches.
    /// </summary>
    /// <exception cref="ArgumentException">Two dimensions differ and neither is 1.</exception>
    public static Shape Broadcast(Shape a, Shape b)
    {
        int rank = Math.Max(a.Rank, b.Rank);
        int[] result = new int[rank];
        for (int i = 1; i <= rank; i++)
        {
            int first = i <= a.Rank ? a[^i] : 1;
            int second = i <= b.Rank ? b[^i] : 1;
            if (first != second && first != 1 && second != 1)
            {
                throw new ArgumentException(
                    $"Shapes {a} and {b} do not broadcast: {first} and {second} differ and neither is 1. "
                    + "Insert dimensions of 1 with Reshape so that equal axes line up from the right.");
            }

            result[^i] = first == 1 ? second : first;
        }

        return new Shape(result);
    }

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dimensions.SequenceEqual(other.Dimensions);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (int dimension in Dimensions)
        {
            hash.Add(dimension);
        }

        return hash.ToHashCode();
    }

    /// <summary>Same rank and dimensions.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Another rank or another dimension.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <summary>The dimensions in brackets, for example <c>[8, 197, 384]</c>.</summary>
    public override string ToString() => $"[{string.Join(", ", Dimensions.ToArray())}]";

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(_dimensions ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
