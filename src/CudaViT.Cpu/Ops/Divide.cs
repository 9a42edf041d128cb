using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Divide(NdArray a, NdArray b) => MapBroadcast(default(DivideMap), a, b);

    private readonly struct DivideMap : IBroadcastMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) => TensorPrimitives.Divide(a, b, y);

        void IBroadcastMap.Run<T>(ReadOnlySpan<T> a, T b, Span<T> y) => TensorPrimitives.Divide(a, b, y);

        void IBroadcastMap.Run<T>(T a, ReadOnlySpan<T> b, Span<T> y) => TensorPrimitives.Divide(a, b, y);
    }
}
