using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Supervised;

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
    private const int Lanes = 8;

    private static readonly Vector256<float> Centre = Vector256.Create(5f / 13);
    private static readonly Vector256<float> Neighbour = Vector256.Create(1f / 13);
    private static readonly Vector256<float> Largest = Vector256.Create(255f);

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

        // What is left over at the end of a row is computed with bytes beyond it, and not stored.
        Span<byte> source = _copy.Reserve(pixels.Length + Lanes);
        pixels.CopyTo(source);
        int stride = width * channels;
        Span<byte> result = stackalloc byte[Lanes];
        for (int y = 1; y < height - 1; y++)
        {
            int end = ((y + 1) * stride) - channels;
            for (int at = (y * stride) + channels; at < end; at += Lanes)
            {
                MemoryMarshal.Write(result, Sharpen(source, at, stride, channels, factor));
                result[..Math.Min(Lanes, end - at)].CopyTo(pixels[at..]);
            }
        }
    }

    // Eight bytes that follow each other, in the order of the reference: float32 sums depend on it.
    private static ulong Sharpen(ReadOnlySpan<byte> source, int at, int stride, int channels, float factor)
    {
        var sum = Vector256.Create(0.5f);
        sum += Weigh(source, at + stride, channels, Neighbour);
        sum += Weigh(source, at, channels, Centre);
        sum += Weigh(source, at - stride, channels, Neighbour);
        Vector256<float> smooth = Truncate(sum);
        Vector256<float> blended = smooth + ((Load(source, at) - smooth) * factor);
        var values = Vector256.ConvertToInt32(Clip(blended)).AsUInt32();
        Vector128<ushort> words = Vector128.Narrow(values.GetLower(), values.GetUpper());
        return Vector128.Narrow(words, words).AsUInt64().ToScalar();
    }

    private static Vector256<float> Weigh(ReadOnlySpan<byte> source, int at, int channels, Vector256<float> middle) =>
        (Load(source, at - channels) * Neighbour)
        + (Load(source, at) * middle)
        + (Load(source, at + channels) * Neighbour);

    private static Vector256<float> Load(ReadOnlySpan<byte> source, int at)
    {
        var bytes = Vector128.CreateScalar(MemoryMarshal.Read<ulong>(source[at..])).AsByte();
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.WidenLower(bytes));
        return Vector256.ConvertToSingle(Vector256.Create(low, high).AsInt32());
    }

    private static Vector256<float> Clip(Vector256<float> values) =>
        Vector256.Min(Vector256.Max(values, Vector256<float>.Zero), Largest);

    private static Vector256<float> Truncate(Vector256<float> values) =>
        Vector256.ConvertToSingle(Vector256.ConvertToInt32(Clip(values)));
}
