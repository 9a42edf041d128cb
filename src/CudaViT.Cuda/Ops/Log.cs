using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Log(NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("log_forward", "log_forward_scalar", x);
    }
}
