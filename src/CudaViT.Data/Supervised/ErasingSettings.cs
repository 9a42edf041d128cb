using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Supervised;

/// <summary>
/// Random erasing: a box of an image becomes noise (Z. Zhong et al., arXiv:1708.04896). The ranges are those of DeiT.
/// </summary>
/// <param name="Probability">How often an image loses a box.</param>
public sealed record ErasingSettings(double Probability)
{
    private const int Tries = 10;
    private const double MinArea = 0.02;
    private const double MaxArea = 1.0 / 3;
    private const double MinAspectRatio = 0.3; // height / width; the largest is its inverse

    /// <summary>Draws the box of an image, or nothing.</summary>
    /// <remarks>Up to ten tries of an area and an aspect ratio, until the box is smaller than the image.</remarks>
    /// <param name="random">Where the numbers come from.</param>
    /// <param name="size">Height and width of the image.</param>
    internal CropBox? Draw(ref RandomSequence random, int size)
    {
        if (!random.NextBool(Probability))
        {
            return null;
        }

        double maxLogRatio = -Math.Log(MinAspectRatio);
        for (int i = 0; i < Tries; i++)
        {
            double area = random.NextDouble(MinArea, MaxArea) * size * size;
            double ratio = Math.Exp(random.NextDouble(-maxLogRatio, maxLogRatio));
            int height = (int)Math.Round(Math.Sqrt(area * ratio));
            int width = (int)Math.Round(Math.Sqrt(area / ratio));
            if (height < size && width < size)
            {
                return new CropBox(random.NextInt(size - height + 1), random.NextInt(size - width + 1), height, width);
            }
        }

        return null;
    }
}
