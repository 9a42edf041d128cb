namespace CudaViT.Core;

/// <summary>The axes that a reduction takes away, checked.</summary>
internal readonly struct ReducedAxes
{
    /// <summary>Checks the axes of a reduction of <paramref name="x"/>.</summary>
    /// <param name="x">F64, F32 or BF16.</param>
    /// <param name="axes">Negative ones count from the end; null for all.</param>
    /// <param name="keepDims">Whether reduced dimensions stay, as 1.</param>
    /// <param name="operation">For messages.</param>
    /// <exception cref="ArgumentException">An axis is named twice, or <paramref name="x"/> holds integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such axis.</exception>
    public ReducedAxes(Tensor x, int[]? axes, bool keepDims, string operation)
    {
        Require.Float(x, operation);
        bool[] reduced = new bool[x.Shape.Rank];
        Array.Fill(reduced, axes is null);
        foreach (int axis in axes ?? [])
        {
            int found = x.Shape.Axis(axis);
            reduced[found] = !reduced[found]
                ? true
                : throw new ArgumentException(
                    $"{operation}: axis {found} of {x.Shape} is named twice in [{string.Join(", ", axes!)}].");
        }

        int[] kept = x.Shape.Dimensions.ToArray();
        for (int i = 0; i < kept.Length; i++)
        {
            if (reduced[i])
            {
                Count *= kept[i];
                kept[i] = 1;
            }
        }

        Kept = Shape.Create(kept);
        Result = keepDims ? Kept : Shape.Create([.. kept.Where((_, axis) => !reduced[axis])]);
    }

    /// <summary>The input's shape with 1 in place of every reduced dimension.</summary>
    public Shape Kept { get; }

    /// <summary>The shape that was asked for: <see cref="Kept"/>, or that without the reduced dimensions.</summary>
    public Shape Result { get; }

    /// <summary>Number of elements that go into one result.</summary>
    public long Count { get; } = 1;
}
