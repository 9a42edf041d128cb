using System.Numerics;

namespace CudaViT.Cpu;

/// <summary>A function of one element, written once for both precisions.</summary>
internal interface IUnaryMap
{
    /// <summary>Computes <paramref name="y"/>; the spans have equal length and may be the same.</summary>
    void Run<T>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>;
}

/// <summary>A function of two elements, written once for both precisions.</summary>
internal interface IBinaryMap
{
    /// <summary>Computes <paramref name="y"/>; the spans have equal length.</summary>
    void Run<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>;
}

/// <summary>A function of two elements, either of which may be the same for a whole row.</summary>
internal interface IBroadcastMap : IBinaryMap
{
    /// <summary>Computes <paramref name="y"/> with one <paramref name="b"/> for all.</summary>
    void Run<T>(ReadOnlySpan<T> a, T b, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Computes <paramref name="y"/> with one <paramref name="a"/> for all.</summary>
    void Run<T>(T a, ReadOnlySpan<T> b, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>;
}
