using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Supervised;

/// <summary>
/// Moves the pixels of an image along an affine map, with bicubic interpolation in the arithmetic of Pillow. Keeps
/// scratch memory: one per thread.
/// </summary>
/// <remarks>
/// The cubic through four points with a = -1, in float64, along the columns and then along the rows, truncated to 8
/// bits. The edge pixels go on outside the image where the four points reach there; what comes from outside altogether
/// gets the fill colour. The channels of a pixel are lanes of one vector.
/// </remarks>
public sealed class AffineWarp
{
    private const int Points = 4;

    private readonly ImageBuffer _copy = new();

    /// <summary>Changes an image in place.</summary>
    /// <param name="pixels">[height, width, channels].</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Pixels in a row.</param>
    /// <param name="map">Where pixels come from.</param>
    /// <param name="fill">Colour of what comes from outside; one byte for each channel.</param>
    public void Apply(Span<byte> pixels, int height, int width, in AffineMap map, ReadOnlySpan<byte> fill)
    {
        Span<byte> copy = _copy.Reserve(pixels.Length + sizeof(uint)); // a pixel is read as four bytes
        pixels.CopyTo(copy);
        int channels = fill.Length;
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                (double centreX, double centreY) = (x + 0.5, y + 0.5);
                double fromX = (map.Xx * centreX) + (map.Xy * centreY) + map.X0;
                double fromY = (map.Yx * centreX) + (map.Yy * centreY) + map.Y0;
                Span<byte> pixel = pixels.Slice(((y * width) + x) * channels, channels);
                if (fromX < 0 || fromX >= width || fromY < 0 || fromY >= height)
                {
                    fill.CopyTo(pixel);
                }
                else
                {
                    Vector256<double> value = Interpolate(copy, height, width, channels, fromX - 0.5, fromY - 0.5);
                    for (int channel = 0; channel < pixel.Length; channel++)
                    {
                        pixel[channel] = (byte)value[channel];
                    }
                }
            }
        }
    }

    // The lane of each channel holds its value, 0 to 255.
    private static Vector256<double> Interpolate(
        ReadOnlySpan<byte> source, int height, int width, int channels, double fromX, double fromY)
    {
        (int left, int top) = ((int)Math.Floor(fromX), (int)Math.Floor(fromY));
        (double dx, double dy) = (fromX - left, fromY - top);
        int first = Math.Clamp(left - 1, 0, width - 1) * channels;
        int second = Math.Clamp(left, 0, width - 1) * channels;
        int third = Math.Clamp(left + 1, 0, width - 1) * channels;
        int fourth = Math.Clamp(left + 2, 0, width - 1) * channels;
        Vector256<double> value = Cubic(Row(source, 0), Row(source, 1), Row(source, 2), Row(source, Points - 1), dy);
        return Vector256.Min(Vector256.Max(value, Vector256<double>.Zero), Vector256.Create(255.0));

        Vector256<double> Row(ReadOnlySpan<byte> pixels, int point)
        {
            int y = Math.Clamp(top - 1 + point, 0, height - 1);
            ReadOnlySpan<byte> row = pixels[(y * width * channels)..];
            return Cubic(Load(row, first), Load(row, second), Load(row, third), Load(row, fourth), dx);
        }
    }

    private static Vector256<double> Load(ReadOnlySpan<byte> row, int at)
    {
        var bytes = Vector128.CreateScalar(MemoryMarshal.Read<uint>(row[at..])).AsByte();
        Vector128<int> words = Vector128.WidenLower(Vector128.WidenLower(bytes)).AsInt32();
        (Vector128<double> low, Vector128<double> high) = Vector128.Widen(Vector128.ConvertToSingle(words));
        return Vector256.Create(low, high);
    }

    /// <summary>The cubic that is b at 0 and c at 1, at <paramref name="t"/>.</summary>
    private static Vector256<double> Cubic(
        Vector256<double> a, Vector256<double> b, Vector256<double> c, Vector256<double> d, double t)
    {
        Vector256<double> slope = c - a;
        Vector256<double> second = ((a - b) * 2) + c - d;
        Vector256<double> third = b - a - c + d;
        return b + ((slope + ((second + (third * t)) * t)) * t);
    }
}
