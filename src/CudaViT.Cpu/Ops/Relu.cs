using System.Numerics;
using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Relu(NdArray x) => Map(default(ReluMap), x, work: 1);

    /// <inheritdoc/>
    public NdArray ReluBackward(NdArray dy, NdArray y) => Map(default(ReluGradient), dy, y);

    private readonly struct ReluMap : IUnaryMap
    {
        void IUnaryMap.Run<T>(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Max(x, T.Zero, y);
    }

    private readonly struct ReluGradient : IBinaryMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> dy, ReadOnlySpan<T> y, Span<T> dx)
        {
            int i = 0;
            for (; i <= y.Length - Vector<T>.Count; i += Vector<T>.Count)
            {
                Vector<T> isPositive = Vector.GreaterThan(new Vector<T>(y[i..]), Vector<T>.Zero);
                Vector.ConditionalSelect(isPositive, new Vector<T>(dy[i..]), Vector<T>.Zero).CopyTo(dx[i..]);
            }

            for (; i < y.Length; i++)
            {
                dx[i] = y[i] > T.Zero ? dy[i] : T.Zero;
            }
        }
    }
}
