using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Exp(NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("exp_forward", "exp_forward_scalar", x);
    }
}
