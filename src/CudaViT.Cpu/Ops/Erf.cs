using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    private const int ErfWork = 24; // of one element, in multiplications

    /// <inheritdoc/>
    public NdArray Erf(NdArray x) => Map(default(ErfMap), x, ErfWork);

    /// <inheritdoc/>
    public NdArray ErfBackward(NdArray dy, NdArray x) => Map(default(ErfGradient), dy, x, ErfWork);

    private readonly struct ErfMap : IUnaryMap
    {
        void IUnaryMap.Run<T>(ReadOnlySpan<T> x, Span<T> y) => VectorMath.Erf(x, y);
    }

    private readonly struct ErfGradient : IBinaryMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> dy, ReadOnlySpan<T> x, Span<T> dx)
        {
            TensorPrimitives.Multiply(x, x, dx);
            TensorPrimitives.Negate(dx, dx);
            VectorMath.Exp(dx, dx);
            TensorPrimitives.Multiply(dx, T.CreateTruncating(2 / Math.Sqrt(Math.PI)), dx);
            TensorPrimitives.Multiply(dx, dy, dx);
        }
    }
}
