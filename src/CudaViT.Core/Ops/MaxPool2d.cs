namespace CudaViT.Core;

/// <summary>The largest value under each position of a window.</summary>
/// <remarks>
/// Padding never wins. Among equal values the first in row-major order does, and it alone gets the gradient. A NaN wins
/// over everything, so that it does not go unnoticed.
/// </remarks>
public sealed class MaxPool2d : Operation
{
    private readonly NdArray _indices;  // [N, C, OH, OW] of I32: where in its plane each maximum stood
    private readonly SlidingWindow _window;

    private MaxPool2d(Tensor x, NdArray indices, SlidingWindow window)
        : base(inputs: [x], saved: [indices]) => (_indices, _window) = (indices, window);

    /// <summary>Pools <paramref name="x"/> and records the step on the tape.</summary>
    /// <param name="x">[N, C, H, W]; F64, F32 or BF16.</param>
    /// <param name="kernel">Side of the window.</param>
    /// <param name="stride">Distance between positions of the window.</param>
    /// <param name="padding">Pixels added on each side; less than the kernel.</param>
    /// <returns>[N, C, (H + 2·padding − kernel) / stride + 1, (W + 2·padding − kernel) / stride + 1].</returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> is no batch of images, or the window does not fit.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range.</exception>
    public static Tensor Apply(Tensor x, int kernel, int stride, int padding = 0)
    {
        var window = SlidingWindow.On(x, kernel, kernel, stride, padding, nameof(MaxPool2d));
        (NdArray y, NdArray indices) = x.Backend.MaxPool2d(x.Data, window);
        return Tape.Record(y, new MaxPool2d(x, indices, window));
    }

    /// <inheritdoc/>
    protected internal override NdArray?[] Backward(NdArray dy) =>
        [dy.Backend.MaxPool2dBackward(dy, _indices, _window)];
}

public partial interface IBackend
{
    /// <summary>Returns the maxima [N, C, OH, OW] and, as I32, where in its plane of the input each stood.</summary>
    (NdArray Y, NdArray Indices) MaxPool2d(NdArray x, SlidingWindow window);

    /// <summary>Returns dx [N, C, H, W].</summary>
    NdArray MaxPool2dBackward(NdArray dy, NdArray indices, SlidingWindow window);
}
