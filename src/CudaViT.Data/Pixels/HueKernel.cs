using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CudaViT.Data.Pixels;

/// <summary>Turns the colour circle, by way of 8-bit hue, saturation and value.</summary>
/// <remarks>
/// There, with M and m the largest and smallest channel: V = M, S = trunc(255 (M - m) / M) and
/// H = trunc(255 frac(h / 6 + 1)), with h = b - g, 2 + r - b or 4 + g - r as red, green or blue is M, where
/// r = (M - red) / (M - m) and so on. Back: x = 6 H / 255, i = floor x, f = x - i, s = S / 255, and V, p = V (1 - s),
/// q = V (1 - s f), t = V (1 - s (1 - f)), rounded, go to the channels by the sector i.
/// <para>
/// In Pillow some of this is float32 and some float64, which decides bits at the steps of trunc and floor. The forms
/// here need float32 alone and give the same bits for all there is: every (M, m) and (M - m, M - what is left) on the
/// way there, and every (H, S, V) on the way back.
/// </para>
/// </remarks>
internal readonly struct HueKernel(float turn) : IRgbKernel
{
    private const float Full = 255;

    private readonly Vector256<int> _turn = Vector256.Create(StepsOf(turn));

    /// <summary>A turn of the circle in steps of 8-bit hue.</summary>
    public static int StepsOf(float turn) => (int)(255.0 * turn);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue)
    {
        Vector256<int> value = Vector256.Max(red, Vector256.Max(green, blue));
        Vector256<int> lowest = Vector256.Min(red, Vector256.Min(green, blue));
        Vector256<int> hue = HueOf(red, green, blue, value, lowest);
        hue = (hue + _turn) & Vector256.Create(255);
        Restore(hue, SaturationOf(value, lowest), value, out red, out green, out blue);
    }

    // Of r, g and b one is 0 and one is 1. What is left, m, lies in between, and h is a whole number plus or minus m:
    //   red is M:   1 - g if blue is lowest,  b - 1 if green is
    //   green is M: 1 + r if blue is lowest,  3 - b if red is
    //   blue is M:  3 + g if red is lowest,   5 - r if green is
    // The sum is rounded once, as it must be.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> HueOf(
        Vector256<int> red, Vector256<int> green, Vector256<int> blue, Vector256<int> value, Vector256<int> lowest)
    {
        Vector256<int> isRed = Vector256.Equals(value, red);
        Vector256<int> isGreen = Vector256.Equals(value, green);
        Vector256<int> isBlueLowest = Vector256.Equals(lowest, blue);
        Vector256<int> isGreenLowest = Vector256.Equals(lowest, green);

        Vector256<int> start = Vector256.ConditionalSelect(
            isRed,
            Vector256.ConditionalSelect(isBlueLowest, Vector256.Create(1), Vector256.Create(-1)),
            Vector256.ConditionalSelect(
                isGreen,
                Vector256.ConditionalSelect(isBlueLowest, Vector256.Create(1), Vector256.Create(3)),
                Vector256.ConditionalSelect(isGreenLowest, Vector256.Create(5), Vector256.Create(3))));
        Vector256<int> isFalling = Vector256.ConditionalSelect(
            isRed, isBlueLowest, Vector256.ConditionalSelect(isGreen, ~isBlueLowest, isGreenLowest));

        // A grey pixel has no range, and by definition the hue 0.
        Vector256<int> range = Vector256.Max(value - lowest, Vector256<int>.One);
        Vector256<int> distance = (value + value + lowest) - (red + green + blue); // M - what is left
        distance = (distance ^ isFalling) - isFalling;
        Vector256<float> h = Vector256.ConvertToSingle(start)
            + (Vector256.ConvertToSingle(distance) / Vector256.ConvertToSingle(range));
        Vector256<float> circle = h / Vector256.Create(6f) * Vector256.Create(Full);
        circle += Vector256.LessThan(circle, Vector256<float>.Zero) & Vector256.Create(Full);
        return Vector256.AndNot(Vector256.ConvertToInt32Native(circle), Vector256.Equals(value, lowest));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> SaturationOf(Vector256<int> value, Vector256<int> lowest)
    {
        Vector256<float> s = Vector256.ConvertToSingle(value - lowest)
            / Vector256.ConvertToSingle(Vector256.Max(value, Vector256<int>.One));
        return Vector256.ConvertToInt32Native(s * Vector256.Create(Full));
    }

    // A channel is V (1 - s w / 255), rounded, where w rises and falls along the circle: 0 where the channel is V, 255
    // where it is p, and a slope between them. With x = 6 H, 0 to 1530:
    //   red    w = 510 - |x - 765|
    //   green  w = |x - 510| - 255
    //   blue   w = |x - 1020| - 255     each clipped to 0 to 255
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Restore(
        Vector256<int> hue,
        Vector256<int> saturation,
        Vector256<int> value,
        out Vector256<int> red,
        out Vector256<int> green,
        out Vector256<int> blue)
    {
        Vector256<float> x = Vector256.ConvertToSingle(hue * 6);
        Vector256<float> v = Vector256.ConvertToSingle(value);
        Vector256<float> slope = v * Vector256.ConvertToSingle(saturation) * Vector256.Create(1 / (Full * Full));
        v += Vector256.Create(0.5f); // rounds
        red = Shade(v, slope, Vector256.Create(2 * Full) - Vector256.Abs(x - Vector256.Create(3 * Full)));
        green = Shade(v, slope, Vector256.Abs(x - Vector256.Create(2 * Full)) - Vector256.Create(Full));
        blue = Shade(v, slope, Vector256.Abs(x - Vector256.Create(4 * Full)) - Vector256.Create(Full));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Shade(Vector256<float> value, Vector256<float> slope, Vector256<float> weight)
    {
        weight = Vector256.MinNative(Vector256.MaxNative(weight, Vector256<float>.Zero), Vector256.Create(Full));
        return Vector256.ConvertToInt32Native(value - (slope * weight));
    }
}
