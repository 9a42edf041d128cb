using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    private const int GeluWork = 24; // of one element, in multiplications

    /// <inheritdoc/>
    public NdArray Gelu(NdArray x) => Map(default(GeluMap), x, GeluWork);

    /// <inheritdoc/>
    public NdArray GeluBackward(NdArray dy, NdArray x) => Map(default(GeluGradient), dy, x, GeluWork);

    private readonly struct GeluMap : IUnaryMap
    {
        void IUnaryMap.Run<T>(ReadOnlySpan<T> x, Span<T> y) => VectorMath.Gelu(x, y);
    }

    private readonly struct GeluGradient : IBinaryMap
    {
        void IBinaryMap.Run<T>(ReadOnlySpan<T> dy, ReadOnlySpan<T> x, Span<T> dx) => VectorMath.GeluBackward(x, dy, dx);
    }
}
