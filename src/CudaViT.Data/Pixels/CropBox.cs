using CudaViT.Core;

namespace CudaViT.Data.Pixels;

/// <summary>A part of an image, in pixels.</summary>
public readonly record struct CropBox(int Top, int Left, int Height, int Width)
{
    private const int Tries = 10;

    /// <summary>The same part of an image that was decoded at another size: nearest pixels, and at least one.</summary>
    public CropBox Scale(int fullHeight, int fullWidth, int height, int width)
    {
        if ((fullHeight, fullWidth) == (height, width))
        {
            return this;
        }

        (int top, int rows) = ScaleSide(Top, Height, fullHeight, height);
        (int left, int columns) = ScaleSide(Left, Width, fullWidth, width);
        return new CropBox(top, left, rows, columns);
    }

    /// <summary>The smallest box that has all of some boxes inside.</summary>
    public static CropBox Around(ReadOnlySpan<CropBox> boxes)
    {
        (int top, int left, int bottom, int right) = (int.MaxValue, int.MaxValue, 0, 0);
        foreach (CropBox box in boxes)
        {
            (top, left) = (Math.Min(top, box.Top), Math.Min(left, box.Left));
            (bottom, right) = (Math.Max(bottom, box.Top + box.Height), Math.Max(right, box.Left + box.Width));
        }

        return new CropBox(top, left, bottom - top, right - left);
    }

    /// <summary>Draws the box of a random resized crop.</summary>
    /// <remarks>
    /// Up to ten tries of an area, uniform, and an aspect ratio, log-uniform, until the rounded box fits; its position
    /// is uniform. Else the largest centred box whose ratio is in range. Rejection is part of the distribution: large
    /// areas with an extreme ratio are lost.
    /// </remarks>
    /// <param name="random">Where the numbers come from.</param>
    /// <param name="height">Rows of the image.</param>
    /// <param name="width">Columns of the image.</param>
    /// <param name="areas">Smallest and largest area, as shares of the image.</param>
    /// <param name="ratios">Smallest and largest width / height.</param>
    public static CropBox Draw(
        ref RandomSequence random,
        int height,
        int width,
        (double Min, double Max) areas,
        (double Min, double Max) ratios)
    {
        double minLogRatio = Math.Log(ratios.Min);
        double maxLogRatio = Math.Log(ratios.Max);
        for (int i = 0; i < Tries; i++)
        {
            double area = random.NextDouble(areas.Min, areas.Max) * height * width;
            double ratio = Math.Exp(random.NextDouble(minLogRatio, maxLogRatio));
            double w = Math.Round(Math.Sqrt(area * ratio));
            double h = Math.Round(Math.Sqrt(area / ratio));
            if (w >= 1 && w <= width && h >= 1 && h <= height)
            {
                int top = random.NextInt(height - (int)h + 1);
                int left = random.NextInt(width - (int)w + 1);
                return new CropBox(top, left, (int)h, (int)w);
            }
        }

        double whole = (double)width / height;
        (double fallbackHeight, double fallbackWidth) = (height, width);
        if (whole > ratios.Max)
        {
            fallbackWidth = Math.Round(height * ratios.Max);
        }
        else if (whole < ratios.Min)
        {
            fallbackHeight = Math.Round(width / ratios.Min);
        }

        int boxHeight = (int)Math.Clamp(fallbackHeight, 1, height);
        int boxWidth = (int)Math.Clamp(fallbackWidth, 1, width);
        return new CropBox((height - boxHeight) / 2, (width - boxWidth) / 2, boxHeight, boxWidth);
    }

    private static (int Start, int Length) ScaleSide(int start, int length, int full, int size)
    {
        double scale = (double)size / full;
        int first = Math.Min((int)Math.Round(start * scale), size - 1);
        int end = Math.Clamp((int)Math.Round((start + length) * scale), first + 1, size);
        return (first, end - first);
    }
}
