using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Subtract(NdArray a, NdArray b)
    {
        using ProfilerRange range = Range();
        return MapBroadcast("subtract", "subtract_scalar", a, b);
    }
}
