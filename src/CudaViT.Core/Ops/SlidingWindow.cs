namespace CudaViT.Core;

/// <summary>How a kernel slides over planes of pixels: the geometry that convolution and pooling share.</summary>
/// <param name="Height">Rows of the input, without padding.</param>
/// <param name="Width">Columns of the input, without padding.</param>
/// <param name="KernelHeight">Rows of the kernel.</param>
/// <param name="KernelWidth">Columns of the kernel.</param>
/// <param name="Stride">Distance between positions of the kernel, down and to the right.</param>
/// <param name="Padding">Pixels added on each of the four sides.</param>
public readonly record struct SlidingWindow(
    int Height, int Width, int KernelHeight, int KernelWidth, int Stride, int Padding)
{
    /// <summary>Positions of the kernel from top to bottom.</summary>
    public int OutputHeight => ((Height + (2 * Padding) - KernelHeight) / Stride) + 1;

    /// <summary>Positions of the kernel from left to right.</summary>
    public int OutputWidth => ((Width + (2 * Padding) - KernelWidth) / Stride) + 1;

    /// <summary>Pixels of an input plane.</summary>
    public int InputCount => Height * Width;

    /// <summary>Positions of the kernel on a plane.</summary>
    public int OutputCount => OutputHeight * OutputWidth;

    /// <summary>Pixels under the kernel.</summary>
    public int KernelCount => KernelHeight * KernelWidth;

    /// <summary>The window of a kernel on images.</summary>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> is no batch of images, or the kernel does not fit.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">
    /// A size is out of range; padding reaches from 0 to less than the kernel.
    /// </exception>
    internal static SlidingWindow On(
        Tensor x, int kernelHeight, int kernelWidth, int stride, int padding, string operation)
    {
        Require.Float(x, operation);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(kernelHeight);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(kernelWidth);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stride);
        ArgumentOutOfRangeException.ThrowIfNegative(padding);

        // Otherwise some windows would lie in the padding altogether.
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(padding, Math.Min(kernelHeight, kernelWidth));
        if (x.Shape.Rank != 4 || x.Shape.CountFrom(1) == 0)
        {
            throw new ArgumentException(
                $"{operation}: x must be images [N, C, H, W] with at least one pixel, but its shape is {x.Shape}.");
        }

        var window = new SlidingWindow(x.Shape[2], x.Shape[3], kernelHeight, kernelWidth, stride, padding);
        if (kernelHeight > window.Height + (2 * padding) || kernelWidth > window.Width + (2 * padding))
        {
            throw new ArgumentException(
                $"{operation}: a kernel of {kernelHeight} x {kernelWidth} does not fit into an image of "
                + $"{window.Height} x {window.Width} with padding {padding}. Use a smaller kernel, more padding or "
                + "larger images.");
        }

        return window;
    }
}
