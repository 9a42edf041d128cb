namespace CudaViT.Training.Reports.Pictures;

/// <summary>Shows numbers as colours from dark violet over red to yellow, brighter with every step.</summary>
internal static class HeatMap
{
    private static readonly (byte Red, byte Green, byte Blue)[] Ramp =
    [
        (14, 8, 38), (61, 15, 95), (122, 27, 109), (184, 51, 85), (229, 89, 52), (251, 148, 28), (246, 226, 97),
    ];

    /// <summary>
    /// Draws a square of values, from the smallest in the darkest to the largest in the brightest colour.
    /// </summary>
    /// <param name="values">[side, side].</param>
    /// <param name="side">Values along a side.</param>
    public static Picture Of(ReadOnlySpan<double> values, int side)
    {
        (double low, double high) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (double value in values)
        {
            (low, high) = (Math.Min(low, value), Math.Max(high, value));
        }

        byte[] pixels = new byte[3 * values.Length];
        for (int i = 0; i < values.Length; i++)
        {
            Color(high > low ? (values[i] - low) / (high - low) : 0).CopyTo(pixels, 3 * i);
        }

        return new Picture(pixels, side, side, 3);
    }

    /// <summary>Red, green and blue of a share from 0 to 1.</summary>
    public static byte[] Color(double share)
    {
        double place = Math.Clamp(share, 0, 1) * (Ramp.Length - 1);
        int index = Math.Min((int)place, Ramp.Length - 2);
        (byte red, byte green, byte blue) = Ramp[index];
        (byte nextRed, byte nextGreen, byte nextBlue) = Ramp[index + 1];
        return [Mix(red, nextRed), Mix(green, nextGreen), Mix(blue, nextBlue)];

        byte Mix(byte a, byte b) => (byte)Math.Round(a + ((place - index) * (b - a)));
    }
}
