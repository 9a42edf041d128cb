using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray AvgPool2d(NdArray x, SlidingWindow window)
    {
        using ProfilerRange range = Range();
        NdArray y = Empty([x.Shape[0], x.Shape[1], window.OutputHeight, window.OutputWidth], x.DType);
        if (y.Count > 0)
        {
            KernelArguments arguments = new() { y, x };
            arguments.AddStructure(new WindowSizes(window));
            arguments.Add(x.Count);
            arguments.Add(y.Count);
            Launch("avg_pool2d_forward", x.DType, BlocksFor(y.Count, ElementsPerBlock), ElementsPerBlock, arguments);
        }

        return y;
    }

    /// <inheritdoc/>
    public NdArray AvgPool2dBackward(NdArray dy, SlidingWindow window)
    {
        using ProfilerRange range = Range();
        NdArray dx = Empty([dy.Shape[0], dy.Shape[1], window.Height, window.Width], dy.DType);
        if (dx.Count > 0)
        {
            KernelArguments arguments = new() { dx, dy };
            arguments.AddStructure(new WindowSizes(window));
            arguments.Add(dx.Count);
            arguments.Add(dy.Count);
            Launch("avg_pool2d_backward", dy.DType, BlocksFor(dx.Count, ElementsPerBlock), ElementsPerBlock, arguments);
        }

        return dx;
    }
}
