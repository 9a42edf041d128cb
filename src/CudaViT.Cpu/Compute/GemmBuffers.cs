namespace CudaViT.Cpu;

/// <summary>What a thread keeps between matrix products so that they allocate nothing.</summary>
internal sealed class GemmBuffers<T>
    where T : unmanaged
{
    [ThreadStatic]
    private static GemmBuffers<T>? _ofThisThread;

    public static GemmBuffers<T> OfThisThread => _ofThisThread ??= new GemmBuffers<T>();

    /// <summary>Packed rows of A, which this thread shares with its team while it leads a product.</summary>
    public AlignedBuffer<T> PackedA { get; } = new();

    /// <summary>Packed columns of B, which this thread shares with its team while it leads a product.</summary>
    public AlignedBuffer<T> PackedB { get; } = new();

    /// <summary>One packed panel of B, for products that a thread does alone.</summary>
    public AlignedBuffer<T> Panel { get; } = new();

    /// <summary>One block of C, for blocks that reach past the last row or column.</summary>
    public AlignedBuffer<T> Edge { get; } = new();
}
