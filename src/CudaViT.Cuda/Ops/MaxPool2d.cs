using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    // Threads of a block where each has an element to itself.
    private const int ElementsPerBlock = 256;

    /// <inheritdoc/>
    public (NdArray Y, NdArray Indices) MaxPool2d(NdArray x, SlidingWindow window)
    {
        using ProfilerRange range = Range();
        NdArray y = Empty([x.Shape[0], x.Shape[1], window.OutputHeight, window.OutputWidth], x.DType);
        NdArray indices = Empty(y.Shape, DType.I32);
        if (y.Count > 0)
        {
            KernelArguments arguments = new() { y, indices, x };
            arguments.AddStructure(new WindowSizes(window));
            arguments.Add(x.Count);
            arguments.Add(y.Count);
            Launch("max_pool2d_forward", x.DType, BlocksFor(y.Count, ElementsPerBlock), ElementsPerBlock, arguments);
        }

        return (y, indices);
    }

    /// <inheritdoc/>
    public NdArray MaxPool2dBackward(NdArray dy, NdArray indices, SlidingWindow window)
    {
        using ProfilerRange range = Range();
        NdArray dx = Empty([dy.Shape[0], dy.Shape[1], window.Height, window.Width], dy.DType);
        if (dx.Count > 0)
        {
            KernelArguments arguments = new() { dx, dy, indices };
            arguments.AddStructure(new WindowSizes(window));
            arguments.Add(dx.Count);
            arguments.Add(dy.Count);
            Launch("max_pool2d_backward", dy.DType, BlocksFor(dx.Count, ElementsPerBlock), ElementsPerBlock, arguments);
        }

        return dx;
    }

    /// <summary>The struct Window of common/window.cuh.</summary>
    private readonly struct WindowSizes(SlidingWindow window)
    {
        public readonly int Height = window.Height;
        public readonly int Width = window.Width;
        public readonly int KernelHeight = window.KernelHeight;
        public readonly int KernelWidth = window.KernelWidth;
        public readonly int Stride = window.Stride;
        public readonly int Padding = window.Padding;
        public readonly int OutputHeight = window.OutputHeight;
        public readonly int OutputWidth = window.OutputWidth;
    }
}
