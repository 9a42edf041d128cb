using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Add(NdArray a, NdArray b)
    {
        using ProfilerRange range = Range();
        return MapBroadcast("add", "add_scalar", a, b);
    }
}
