using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray LogSoftmax(NdArray x)
    {
        using ProfilerRange range = Range();
        return MapRows("log_softmax_forward", x);
    }

    /// <inheritdoc/>
    public NdArray LogSoftmaxBackward(NdArray dy, NdArray y)
    {
        using ProfilerRange range = Range();
        return MapRows("log_softmax_backward", dy, y);
    }
}
