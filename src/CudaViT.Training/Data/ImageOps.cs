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
            for (int i = 0; i + 2 < pixels.Length; i += 3)
            {
                sum += Grey(pixels[i], pixels[i + 1], pixels[i + 2]);
            }
        }

        return (int)(((double)sum / Math.Max(pixels.Length / channels, 1)) + 0.5);
    }

    // The weights of ITU-R BT.601 in 16-bit fixed point; they sum to 65536.
    private static int Grey(int red, int green, int blue) =>
        ((19595 * red) + (38470 * green) + (7471 * blue) + 32768) >> 16;
}
