using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Log(NdArray x) => Map(default(LogMap), x, work: 16);

    private readonly struct LogMap : IUnaryMap
    {
        void IUnaryMap.Run<T>(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Log(x, y);
    }
}
