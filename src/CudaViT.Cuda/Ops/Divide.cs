using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Divide(NdArray a, NdArray b)
    {
        using ProfilerRange range = Range();
        return MapBroadcast("divide", "divide_scalar", a, b);
    }
}
