namespace CudaViT.Training.Data;

/// <summary>Operations on 8-bit images, in place; each rounds its result to 8 bits.</summary>
/// <remarks>
/// The arithmetic is Pillow's, which the reference pipeline runs on: blend(a, b, f) = a + f (b - a) in float32,
/// truncated, and clipped to 0..255 where f is outside [0, 1]. All that changes a pixel by its own value only is a
/// table of 256 bytes.
/// </remarks>
public static class ImageOps
{
    /// <summary>blend(black, image, <paramref name="factor"/>): 0 is black, 1 changes nothing.</summary>
    public static void Brightness(Span<byte> pixels, float factor) => Blend(pixels, background: 0, factor);

    /// <summary>
    /// blend(m, image, <paramref name="factor"/>), where m is the mean of the grey image, rounded half up.
    /// </summary>
    public static void Contrast(Span<byte> pixels, int channels, float factor) =>
        Blend(pixels, GreyMean(pixels, channels), factor);

    /// <summary>
    /// blend(grey image, image, <paramref name="factor"/>) of red, green and blue: 0 is grey, 1 changes nothing.
    /// </summary>
    public static void Saturation(Span<byte> pixels, float factor) =>
        RgbBlocks.Map(pixels, new SaturationKernel(factor));

    /// <summary>Turns the colour circle by <paramref name="turn"/>, -0.5 to 0.5, in 8-bit hue and saturation.</summary>
    /// <remarks>A turn by 0 is not the identity: hue and saturation are rounded all the same.</remarks>
    public static void Hue(Span<byte> pixels, float turn) => RgbBlocks.Map(pixels, new HueKernel(turn));

    /// <summary>Makes red, green and blue equally bright.</summary>
    public static void Grayscale(Span<byte> pixels) => RgbBlocks.Map(pixels, default(GrayscaleKernel));

    /// <summary>Inverts what is at least <paramref name="threshold"/>, each channel by itself.</summary>
    public static void Solarize(Span<byte> pixels, int threshold = 128)
    {
        Span<byte> table = stackalloc byte[256];
        for (int value = 0; value < table.Length; value++)
        {
            table[value] = (byte)(value < threshold ? value : 255 - value);
        }

        Map(pixels, table);
    }

    /// <summary>Mirrors an image [any, <paramref name="width"/>, <paramref name="channels"/>] left to right.</summary>
    public static void FlipHorizontally(Span<byte> pixels, int width, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        int stride = width * channels;
        for (int start = 0; start < pixels.Length; start += stride)
        {
            Span<byte> row = pixels.Slice(start, stride);
            row.Reverse();
            for (int pixel = 0; channels > 1 && pixel < stride; pixel += channels)
            {
                row.Slice(pixel, channels).Reverse(); // red is in front of blue again
            }
        }
    }

    private static void Blend(Span<byte> pixels, int background, float factor)
    {
        Span<byte> table = stackalloc byte[256];
        for (int value = 0; value < table.Length; value++)
        {
            // Truncation towards zero comes after clipping; inside [0, 1] nothing is clipped.
            float blended = background + (factor * (value - background));
            table[value] = (byte)Math.Clamp(blended, 0, 255);
        }

        Map(pixels, table);
    }

    private static void Map(Span<byte> pixels, ReadOnlySpan<byte> table)
    {
        foreach (ref byte pixel in pixels)
        {
            pixel = table[pixel];
        }
    }

    private static int GreyMean(ReadOnlySpan<byte> pixels, int channels)
    {
        long sum = 0;
        if (channels == 1)
        {
            foreach (byte pixel in pixels)
            {
                sum += pixel;
            }
        }
        else
        {
            sum = RgbBlocks.SumOfGrey(pixels);
        }

        return (int)(((double)sum / Math.Max(pixels.Length / channels, 1)) + 0.5);
    }
}
