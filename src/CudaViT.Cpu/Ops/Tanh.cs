using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Tanh(NdArray x) => Map(default(TanhMap), x, work: 32);

    /// <inheritdoc/>
    public NdArray TanhBackward(NdArray dy, NdArray y) => Map(default(TanhGradient), dy, y);

    private readonly struct TanhMap : IUnaryMap
    {
        // One by one: the vector form computes e^(−2x) − 1 by subtraction, which loses the digits of small x.
        void IUnaryMap.Run<T>(ReadOnlySpan<T> x, Span<T> y)
        {
            for (int i = 0; i < x.Length; i++)
            {
                y[i] = T.Tanh(x[i]);
            }
        }
    }

    private readonly struct TanhGradient : IBinaryMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> dy, ReadOnlySpan<T> y, Span<T> dx)
        {
            TensorPrimitives.Multiply(y, y, dx);
            TensorPrimitives.Subtract(T.One, dx, dx);
            TensorPrimitives.Multiply(dx, dy, dx);
        }
    }
}
