using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Subtract(NdArray a, NdArray b) => MapBroadcast(default(SubtractMap), a, b);

    private readonly struct SubtractMap : IBroadcastMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) => TensorPrimitives.Subtract(a, b, y);

        void IBroadcastMap.Run<T>(ReadOnlySpan<T> a, T b, Span<T> y) => TensorPrimitives.Subtract(a, b, y);

        void IBroadcastMap.Run<T>(T a, ReadOnlySpan<T> b, Span<T> y) => TensorPrimitives.Subtract(a, b, y);
    }
}
