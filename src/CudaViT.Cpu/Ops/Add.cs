using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Add(NdArray a, NdArray b) => MapBroadcast(default(AddMap), a, b);

    private readonly struct AddMap : IBroadcastMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b, Span<T> y) => TensorPrimitives.Add(a, b, y);

        void IBroadcastMap.Run<T>(ReadOnlySpan<T> a, T b, Span<T> y) => TensorPrimitives.Add(a, b, y);

        void IBroadcastMap.Run<T>(T a, ReadOnlySpan<T> b, Span<T> y) => TensorPrimitives.Add(b, a, y);
    }
}
