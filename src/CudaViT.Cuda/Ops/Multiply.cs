using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Multiply(NdArray a, NdArray b)
    {
        using ProfilerRange range = Range();
        return MapBroadcast("multiply", "multiply_scalar", a, b);
    }
}
