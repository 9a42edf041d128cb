using System.Numerics.Tensors;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray Scale(NdArray x, double factor) => Map(new ScaleMap(factor), x);

    private readonly struct ScaleMap(double factor) : IUnaryMap
    {
        void IUnaryMap.Run<T>(ReadOnlySpan<T> x, Span<T> y) =>
            TensorPrimitives.Multiply(x, T.CreateTruncating(factor), y);
    }
}
