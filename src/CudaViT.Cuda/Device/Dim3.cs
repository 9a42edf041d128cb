namespace CudaViT.Cuda;

/// <summary>Blocks of a grid, or threads of a block, along three axes.</summary>
/// <param name="X">Along the fastest axis; at most 2³¹ − 1 blocks or 1024 threads.</param>
/// <param name="Y">Along the second axis; at most 65,535 blocks or 1024 threads.</param>
/// <param name="Z">Along the third axis; at most 65,535 blocks or 64 threads.</param>
public readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    /// <summary>Product of the three.</summary>
    public long Count => (long)X * Y * Z;

    /// <summary>One dimension.</summary>
    public static implicit operator Dim3(int x) => new(x);

    /// <summary>Two dimensions.</summary>
    public static implicit operator Dim3((int X, int Y) pair) => new(pair.X, pair.Y);

    /// <summary>Three dimensions.</summary>
    public static implicit operator Dim3((int X, int Y, int Z) triple) => new(triple.X, triple.Y, triple.Z);

    /// <summary>The three in parentheses, as in CUDA's documentation.</summary>
    public override string ToString() => $"({X}, {Y}, {Z})";
}
