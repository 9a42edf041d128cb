using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Data.Pixels;

/// <summary>blend(grey, value, factor) = grey + factor (value - grey), in float32, clipped and truncated.</summary>
internal readonly struct SaturationKernel(float factor) : IRgbKernel
{
    private readonly Vector256<float> _factor = Vector256.Create(factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue)
    {
        Vector256<int> grey = RgbBlocks.Grey(red, green, blue);
        red = Blend(grey, red);
        green = Blend(grey, green);
        blue = Blend(grey, blue);
    }

    // What is below 0 is clipped when it is made a byte.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<int> Blend(Vector256<int> grey, Vector256<int> value)
    {
        Vector256<float> blended =
            Vector256.ConvertToSingle(grey) + (_factor * Vector256.ConvertToSingle(value - grey));
        return Vector256.ConvertToInt32Native(Vector256.MinNative(blended, Vector256.Create(255f)));
    }
}

/// <summary>Brightness in all three channels.</summary>
internal readonly struct GrayscaleKernel : IRgbKernel
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue) =>
        red = green = blue = RgbBlocks.Grey(red, green, blue);
}

/// <summary>
/// blend(background, value, factor) = background + factor (value - background), in float32, truncated.
/// </summary>
internal readonly struct BlendKernel(int background, float factor) : IByteKernel
{
    private readonly Vector256<int> _background = Vector256.Create(background);
    private readonly Vector256<float> _start = Vector256.Create((float)background);
    private readonly Vector256<float> _factor = Vector256.Create(factor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<byte> Apply(Vector256<byte> values)
    {
        Vector128<byte> low = values.GetLower();
        Vector128<byte> high = values.GetUpper();
        return ByteLanes.Narrow(
            Blend(ByteLanes.Widen(low)),
            Blend(ByteLanes.Widen(ByteLanes.UpperHalf(low))),
            Blend(ByteLanes.Widen(high)),
            Blend(ByteLanes.Widen(ByteLanes.UpperHalf(high))));
    }

    // What is below 0 is clipped after truncation, which makes no difference.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<int> Blend(Vector256<int> value)
    {
        Vector256<float> blended = _start + (_factor * Vector256.ConvertToSingle(value - _background));
        return Vector256.ConvertToInt32Native(Vector256.MinNative(blended, Vector256.Create(255f)));
    }
}

/// <summary>255 - value where that is at least the threshold.</summary>
internal readonly struct SolarizeKernel(byte threshold) : IByteKernel
{
    private readonly Vector256<byte> _threshold = Vector256.Create(threshold);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Vector256<byte> Apply(Vector256<byte> values) =>
        values ^ Vector256.GreaterThanOrEqual(values, _threshold); // all bits of a byte are turned: 255 - value
}
