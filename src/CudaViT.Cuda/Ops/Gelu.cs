using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Gelu(NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("gelu_forward", "gelu_forward_scalar", x);
    }

    /// <inheritdoc/>
    public NdArray GeluBackward(NdArray dy, NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("gelu_backward", "gelu_backward_scalar", dy, x);
    }
}
