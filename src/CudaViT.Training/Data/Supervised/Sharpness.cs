namespace CudaViT.Training.Data.Supervised;

/// <summary>
/// Blends an image with a smoothed copy of itself: factor 0 is smooth, 1 changes nothing, above 1 sharpens. Keeps
/// scratch memory: one per thread.
/// </summary>
/// <remarks>
/// Pillow's arithmetic: smoothing weighs a pixel with 5/13 and its eight neighbours with 1/13 each, in float32, rounded
/// to 8 bits; the pixels at the edge stay, and so do images with a side below 3.
/// </remarks>
public sealed class Sharpness
{
    private const float Centre = 5f / 13;
    private const float Neighbour = 1f / 13;

    private readonly ImageBuffer _copy = new();

    /// <summary>Changes an image in place.</summary>
    /// <param name="pixels">[height, width, channels].</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="channels">Bytes in a pixel.</param>
    /// <param name="factor">Not negative.</param>
    public void Apply(Span<byte> pixels, int height, int width, int channels, float factor)
    {
        if (factor == 1 || height < 3 || width < 3)
        {
            return;
        }

        Span<byte> source = _copy.Reserve(pixels.Length);
        pixels.CopyTo(source);
        int stride = width * channels;
        for (int y = 1; y < height - 1; y++)
        {
            ReadOnlySpan<byte> above = source.Slice((y - 1) * stride, stride);
            ReadOnlySpan<byte> row = source.Slice(y * stride, stride);
            ReadOnlySpan<byte> below = source.Slice((y + 1) * stride, stride);
            Span<byte> result = pixels.Slice(y * stride, stride);
            for (int x = channels; x < stride - channels; x++)
            {
                float sum = 0.5f;
                sum += Weigh(below, x, channels, Neighbour);
                sum += Weigh(row, x, channels, Centre);
                sum += Weigh(above, x, channels, Neighbour);
                int smooth = (int)Math.Clamp(sum, 0, 255);
                result[x] = (byte)Math.Clamp(smooth + (factor * (row[x] - smooth)), 0, 255);
            }
        }
    }

    // In the order of the reference: float32 sums depend on it.
    private static float Weigh(ReadOnlySpan<byte> row, int x, int channels, float middle) =>
        (row[x - channels] * Neighbour) + (row[x] * middle) + (row[x + channels] * Neighbour);
}
