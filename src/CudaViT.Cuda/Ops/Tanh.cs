using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Tanh(NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("tanh_forward", "tanh_forward_scalar", x);
    }

    /// <inheritdoc/>
    public NdArray TanhBackward(NdArray dy, NdArray y)
    {
        using ProfilerRange range = Range();
        return Map("tanh_backward", "tanh_backward_scalar", dy, y);
    }
}
