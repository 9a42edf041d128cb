namespace CudaViT.Images;

/// <summary>Cyan, magenta, yellow and black to red, green and blue.</summary>
internal static class Cmyk
{
    /// <summary>
    /// Converts pixels [any, 4], inverted as Adobe's programs write them, to [any, 3] at the beginning of the same
    /// memory.
    /// </summary>
    /// <remarks>
    /// Pillow's arithmetic, without a colour profile: K' - round(C K' / 255), where K' = 255 - K.
    /// </remarks>
    public static void ToRgb(Span<byte> pixels)
    {
        for ((int from, int to) = (0, 0); from < pixels.Length; from += 4, to += 3)
        {
            int black = pixels[from + 3]; // inverted: 255 - K
            for (int channel = 0; channel < 3; channel++)
            {
                int ink = 255 - pixels[from + channel];
                int product = (ink * black) + 128;
                pixels[to + channel] = (byte)(black - ((product + (product >> 8)) >> 8));
            }
        }
    }
}
