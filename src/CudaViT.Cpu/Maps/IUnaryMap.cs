using System.Numerics;

namespace CudaViT.Cpu;

/// <summary>A function of one element, written once for both precisions.</summary>
internal interface IUnaryMap
{
    /// <summary>Computes <paramref name="y"/>; the spans have equal length and may be the same.</summary>
    void Run<T>(ReadOnlySpan<T> x, Span<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>;
}
