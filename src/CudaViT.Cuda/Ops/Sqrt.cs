using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Sqrt(NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("sqrt_forward", "sqrt_forward_scalar", x);
    }

    /// <inheritdoc/>
    public NdArray SqrtBackward(NdArray dy, NdArray y)
    {
        using ProfilerRange range = Range();
        return Map("sqrt_backward", "sqrt_backward_scalar", dy, y);
    }
}
