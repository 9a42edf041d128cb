using System.Globalization;

namespace CudaViT.Data.Supervised;

/// <summary>
/// Where the pixels of a warped image come from: the point (x, y) from (Xx x + Xy y + X0, Yx x + Yy y + Y0), in pixels
/// from the upper left corner.
/// </summary>
public readonly record struct AffineMap(double Xx, double Xy, double X0, double Yx, double Yy, double Y0)
{
    /// <summary>Turns an image about its middle, counterclockwise.</summary>
    /// <remarks>Sines and cosines are rounded to 15 decimal places, as Pillow rounds them.</remarks>
    public static AffineMap Rotate(double degrees, int height, int width)
    {
        double angle = -(degrees < 0 ? degrees + 360 : degrees) * (Math.PI / 180);
        (double sine, double cosine) = (Round(Math.Sin(angle)), Round(Math.Cos(angle)));
        (double x, double y) = (width / 2.0, height / 2.0);
        double left = (cosine * -x) + (sine * -y) + 0.0;
        double top = (-sine * -x) + (cosine * -y) + 0.0;
        return new AffineMap(cosine, sine, left + x, -sine, cosine, top + y);
    }

    /// <summary>Moves every row by <paramref name="factor"/> times its distance from the top.</summary>
    public static AffineMap ShearX(double factor) => new(1, factor, 0, 0, 1, 0);

    /// <summary>Moves every column by <paramref name="factor"/> times its distance from the left.</summary>
    public static AffineMap ShearY(double factor) => new(1, 0, 0, factor, 1, 0);

    /// <summary>Moves an image to the left and up.</summary>
    public static AffineMap Translate(double x, double y) => new(1, 0, x, 0, 1, y);

    // Math.Round multiplies by a power of ten first and so rounds twice; the digits of the format are exact.
    private static double Round(double value)
    {
        Span<char> digits = stackalloc char[32];
        value.TryFormat(digits, out int length, "F15", CultureInfo.InvariantCulture);
        return double.Parse(digits[..length], CultureInfo.InvariantCulture);
    }
}
