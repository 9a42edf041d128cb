using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Exp(NdArray x) => Map(default(ExpMap), x, work: 16);

    private readonly struct ExpMap : IUnaryMap
    {
        void IUnaryMap.Run<T>(ReadOnlySpan<T> x, Span<T> y) => VectorMath.Exp(x, y);
    }
}
