namespace CudaViT.Core;

/// <summary>The mean of each plane: average pooling with a window as large as the image.</summary>
public static class GlobalAvgPool
{
    /// <summary>Averages <paramref name="x"/> over height and width.</summary>
    /// <param name="x">[N, C, H, W]; F64, F32 or BF16.</param>
    /// <returns>[N, C].</returns>
    /// <exception cref="ArgumentException">
    /// <paramref name="x"/> is no batch of images with at least one pixel.
    /// </exception>
    public static Tensor Apply(Tensor x)
    {
        Require.Float(x, nameof(GlobalAvgPool));
        if (x.Shape.Rank != 4 || x.Shape.CountFrom(1) == 0)
        {
            throw new ArgumentException(
                $"GlobalAvgPool: x must be images [N, C, H, W] with at least one pixel, but its shape is {x.Shape}.");
        }

        var window = SlidingWindow.On(x, x.Shape[2], x.Shape[3], stride: 1, padding: 0, nameof(GlobalAvgPool));
        return AvgPool2d.Apply(x, window).Reshape(x.Shape[0], x.Shape[1]);
    }
}
