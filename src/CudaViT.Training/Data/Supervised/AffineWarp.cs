namespace CudaViT.Training.Data.Supervised;

/// <summary>
/// Moves the pixels of an image along an affine map, with bicubic interpolation in the arithmetic of Pillow. Keeps
/// scratch memory: one per thread.
/// </summary>
/// <remarks>
/// The cubic through four points with a = -1, in float64, along the columns and then along the rows, truncated to 8
/// bits. The edge pixels go on outside the image where the four points reach there; what comes from outside altogether
/// gets the fill colour.
/// </remarks>
public sealed class AffineWarp
{
    private readonly ImageBuffer _copy = new();

    /// <summary>Changes an image in place.</summary>
    /// <param name="pixels">[height, width, channels].</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="map">Where pixels come from.</param>
    /// <param name="fill">Colour of what comes from outside; one byte for each channel.</param>
    public void Apply(Span<byte> pixels, int height, int width, in AffineMap map, ReadOnlySpan<byte> fill)
    {
        Span<byte> copy = _copy.Reserve(pixels.Length);
        pixels.CopyTo(copy);
        var source = new ImageView(copy, height, width, fill.Length);
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                (double centreX, double centreY) = (x + 0.5, y + 0.5);
                double fromX = (map.Xx * centreX) + (map.Xy * centreY) + map.X0;
                double fromY = (map.Yx * centreX) + (map.Yy * centreY) + map.Y0;
                Span<byte> pixel = pixels.Slice(((y * width) + x) * fill.Length, fill.Length);
                if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height)
                {
                    fill.CopyTo(pixel);
                }
                else
                {
                    Interpolate(source, fromX - 0.5, fromY - 0.5, pixel);
                }
            }
        }
    }

    private static void Interpolate(ImageView source, double fromX, double fromY, Span<byte> pixel)
    {
        (int left, int top) = ((int)Math.Floor(fromX), (int)Math.Floor(fromY));
        (double dx, double dy) = (fromX - left, fromY - top);
        Span<int> columns = stackalloc int[4];
        for (int i = 0; i < columns.Length; i++)
        {
            columns[i] = Math.Clamp(left - 1 + i, 0, source.Width - 1) * source.Channels;
        }

        int stride = source.Width * source.Channels;
        Span<double> rows = stackalloc double[4];
        for (int channel = 0; channel < pixel.Length; channel++)
        {
            for (int i = 0; i < rows.Length; i++)
            {
                int y = Math.Clamp(top - 1 + i, 0, source.Height - 1);
                ReadOnlySpan<byte> row = source.Pixels.Slice((y * stride) + channel);
                rows[i] = Cubic(row[columns[0]], row[columns[1]], row[columns[2]], row[columns[3]], dx);
            }

            double value = Cubic(rows[0], rows[1], rows[2], rows[3], dy);
            pixel[channel] = (byte)Math.Clamp(value, 0, 255);
        }
    }

    /// <summary>The cubic that is b at 0 and c at 1, at <paramref name="t"/>.</summary>
    private static double Cubic(double a, double b, double c, double d, double t)
    {
        double slope = -a + c;
        double second = (2 * (a - b)) + c - d;
        double third = -a + b - c + d;
        return b + (t * (slope + (t * (second + (t * third)))));
    }
}
