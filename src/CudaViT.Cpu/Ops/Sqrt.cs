using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Sqrt(NdArray x) => Map(default(SqrtMap), x, work: 4);

    /// <inheritdoc/>
    public NdArray SqrtBackward(NdArray dy, NdArray y) => Map(default(SqrtGradient), dy, y);

    private readonly struct SqrtMap : IUnaryMap
    {
        void IUnaryMap.Run<T>(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Sqrt(x, y);
    }

    private readonly struct SqrtGradient : IBinaryMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> dy, ReadOnlySpan<T> y, Span<T> dx)
        {
            TensorPrimitives.Divide(dy, y, dx);
            TensorPrimitives.Multiply(dx, T.CreateTruncating(0.5), dx);
        }
    }
}
