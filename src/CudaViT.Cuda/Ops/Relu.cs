using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Relu(NdArray x)
    {
        using ProfilerRange range = Range();
        return Map("relu_forward", "relu_forward_scalar", x);
    }

    /// <inheritdoc/>
    public NdArray ReluBackward(NdArray dy, NdArray y)
    {
        using ProfilerRange range = Range();
        return Map("relu_backward", "relu_backward_scalar", dy, y);
    }
}
