using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Erf(NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("erf_forward", "erf_forward_scalar", x);
    }

    /// <inheritdoc/>
    public NdArray ErfBackward(NdArray dy, NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("erf_backward", "erf_backward_scalar", dy, x);
    }
}
