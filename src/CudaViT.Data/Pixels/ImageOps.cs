namespace CudaViT.Data.Pixels;

/// <summary>Operations on 8-bit images, in place; each rounds its result to 8 bits.</summary>
/// <remarks>
/// The arithmetic is Pillow's, which the reference pipeline runs on: blend(a, b, f) = a + f (b - a) in float32,
/// truncated, and clipped to 0..255 where f is outside [0, 1].
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
        if (threshold <= byte.MaxValue)
        {
            ByteMap.Apply(pixels, new SolarizeKernel((byte)Math.Max(threshold, 0)));
        }
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
            if (channels == 3)
            {
                RgbBlocks.Reverse(row);
            }
            else
            {
                ReversePixels(row, channels);
            }
        }
    }

    private static void ReversePixels(Span<byte> row, int channels)
    {
        row.Reverse();
        for (int pixel = 0; channels > 1 && pixel < row.Length; pixel += channels)
        {
            row.Slice(pixel, channels).Reverse();
        }
    }

    private static void Blend(Span<byte> pixels, int background, float factor) =>
        ByteMap.Apply(pixels, new BlendKernel(background, factor));

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
