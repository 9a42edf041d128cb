using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Multiply(NdArray a, NdArray b) => MapBroadcast(default(MultiplyMap), a, b);

    private readonly struct MultiplyMap : IBroadcastMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) => TensorPrimitives.Multiply(a, b, y);

        void IBroadcastMap.Run<T>(ReadOnlySpan<T> a, T b, Span<T> y) => TensorPrimitives.Multiply(a, b, y);

        void IBroadcastMap.Run<T>(T a, ReadOnlySpan<T> b, Span<T> y) => TensorPrimitives.Multiply(b, a, y);
    }
}
