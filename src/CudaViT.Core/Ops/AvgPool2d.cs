namespace CudaViT.Core;

/// <summary>The mean under each position of a window; padding counts as zeros.</summary>
public sealed class AvgPool2d : Operation
{
    private readonly SlidingWindow _window;

    private AvgPool2d(Tensor x, SlidingWindow window)
        : base(inputs: [x], saved: []) => _window = window;

    /// <summary>Pools <paramref name="x"/> and records the step on the tape.</summary>
    /// <param name="x">[N, C, H, W]; F64, F32 or BF16.</param>
    /// <param name="kernel">Side of the window.</param>
    /// <param name="stride">Distance between positions of the window.</param>
    /// <param name="padding">Zeros added on each side; less than the kernel. They count in the mean.</param>
    /// <returns>[N, C, (H + 2·padding − kernel) / stride + 1, (W + 2·padding − kernel) / stride + 1].</returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> is no batch of images, or the window does not fit.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range.</exception>
    public static Tensor Apply(Tensor x, int kernel, int stride, int padding = 0) =>
        Apply(x, SlidingWindow.On(x, kernel, kernel, stride, padding, nameof(AvgPool2d)));

    /// <summary>Pools with any window that fits.</summary>
    internal static Tensor Apply(Tensor x, SlidingWindow window) =>
        Tape.Record(x.Backend.AvgPool2d(x.Data, window), new AvgPool2d(x, window));

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) => [dy.Backend.AvgPool2dBackward(dy, _window)];
}

public partial interface IBackend
{
    /// <summary>Returns the means [N, C, OH, OW].</summary>
    NdArray AvgPool2d(NdArray x, SlidingWindow window);

    /// <summary>Returns dx [N, C, H, W].</summary>
    NdArray AvgPool2dBackward(NdArray dy, SlidingWindow window);
}
