using System.Numerics;

namespace CudaViT.Cpu;

/// <summary>A function of two elements, written once for both precisions.</summary>
internal interface IBinaryMap
{
    /// <summary>Computes <paramref name="y"/>; the spans have equal length.</summary>
    void Run<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>;
}
