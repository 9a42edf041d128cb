using System.Runtime.Intrinsics;

namespace CudaViT.Training.Data;

/// <summary>Turns the colour circle, by way of 8-bit hue, saturation and value.</summary>
/// <remarks>
/// There, with M and m the largest and smallest channel: V = M, S = trunc(255 (M - m) / M) and
/// H = trunc(255 frac(h / 6 + 1)), with h = b - g, 2 + r - b or 4 + g - r as red, green or blue is M, where
/// r = (M - red) / (M - m) and so on. Back: x = 6 H / 255, i = floor x, f = x - i, s = S / 255, and V, p = V (1 - s),
/// q = V (1 - s f), t = V (1 - s (1 - f)), rounded, go to the channels by the sector i.
/// <para>
/// Which intermediate result is float32 and which float64 decides bits at the steps of trunc and floor; it is as in
/// Pillow, where fractions, h, f and s are kept in float32 and expressions with constants are float64.
/// </para>
/// </remarks>
internal readonly struct HueKernel(float turn) : IRgbKernel
{
    private readonly Vector256<int> _turn = Vector256.Create(StepsOf(turn));

    /// <summary>A turn of the circle in steps of 8-bit hue.</summary>
    public static int StepsOf(float turn) => (int)(255.0 * turn);

    public void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue)
    {
        Vector256<int> value = Vector256.Max(red, Vector256.Max(green, blue));
        (Vector256<int> hue, Vector256<int> saturation) = ToHueSaturation(red, green, blue, value);
        hue = (hue + _turn) & Vector256.Create(255);
        Restore(hue, saturation, value, out red, out green, out blue);
    }

    private static (Vector256<int> Hue, Vector256<int> Saturation) ToHueSaturation(
        Vector256<int> red, Vector256<int> green, Vector256<int> blue, Vector256<int> value)
    {
        // A grey pixel has no range; with 1 in its place, hue and saturation become 0 as they should.
        Vector256<int> range = value - Vector256.Min(red, Vector256.Min(green, blue));
        Vector256<float> divisor = Vector256.ConvertToSingle(Vector256.Max(range, Vector256<int>.One));
        Vector256<float> r = Vector256.ConvertToSingle(value - red) / divisor;
        Vector256<float> g = Vector256.ConvertToSingle(value - green) / divisor;
        Vector256<float> b = Vector256.ConvertToSingle(value - blue) / divisor;
        Vector256<float> isRed = Vector256.Equals(value, red).AsSingle();
        Vector256<float> isGreen = Vector256.Equals(value, green).AsSingle();
        Vector256<float> plus = Vector256.ConditionalSelect(isRed, b, Vector256.ConditionalSelect(isGreen, r, g));
        Vector256<float> minus = Vector256.ConditionalSelect(isRed, g, Vector256.ConditionalSelect(isGreen, b, r));
        Vector256<float> sector = Vector256.ConditionalSelect(
            isRed,
            Vector256<float>.Zero,
            Vector256.ConditionalSelect(isGreen, Vector256.Create(2f), Vector256.Create(4f)));
        Vector256<float> h = Narrow(
            SectorOf(sector.GetLower(), plus.GetLower(), minus.GetLower()),
            SectorOf(sector.GetUpper(), plus.GetUpper(), minus.GetUpper()));
        Vector256<float> circle = Narrow(CircleOf(h.GetLower()), CircleOf(h.GetUpper()));
        Vector256<float> s = Vector256.ConvertToSingle(range)
            / Vector256.ConvertToSingle(Vector256.Max(value, Vector256<int>.One));
        return (Truncate255(circle), Truncate255(s));
    }

    private static void Restore(
        Vector256<int> hue,
        Vector256<int> saturation,
        Vector256<int> value,
        out Vector256<int> red,
        out Vector256<int> green,
        out Vector256<int> blue)
    {
        // 6 H / 255 in integers, and its fraction and S / 255 in float32: the same bits as by way of float64.
        Vector256<int> sixfold = hue * 6;
        Vector256<int> sector = (sixfold * 32897) >> 23;
        Vector256<float> f = Vector256.ConvertToSingle(sixfold - (sector * 255)) / Vector256.Create(255f);
        Vector256<float> s = Vector256.ConvertToSingle(saturation) / Vector256.Create(255f);
        sector = Vector256.AndNot(sector, Vector256.Equals(sector, Vector256.Create(6))); // 6 is 0
        Vector256<float> isOdd = Vector256.Equals(sector & Vector256<int>.One, Vector256<int>.One).AsSingle();

        Vector256<float> v = Vector256.ConvertToSingle(value);
        Vector256<float> sf = s * f;
        Vector256<float> lowest = Narrow(
            Shade(v.GetLower(), Double(s.GetLower())), Shade(v.GetUpper(), Double(s.GetUpper())));
        Vector256<float> falling = Narrow(
            Shade(v.GetLower(), Double(sf.GetLower())), Shade(v.GetUpper(), Double(sf.GetUpper())));
        Vector256<float> rising = Narrow(
            Shade(v.GetLower(), Double(s.GetLower()) * (Vector256<double>.One - Double(f.GetLower()))),
            Shade(v.GetUpper(), Double(s.GetUpper()) * (Vector256<double>.One - Double(f.GetUpper()))));
        Vector256<int> p = Vector256.ConvertToInt32Native(lowest);
        Vector256<int> middle = Vector256.ConvertToInt32Native(
            Vector256.ConditionalSelect(isOdd, falling, rising));

        // Without saturation p, q and t are V, whatever the sector.
        red = Pick(sector, value, middle, p, (0, 5), (1, 4));
        green = Pick(sector, value, middle, p, (1, 2), (0, 3));
        blue = Pick(sector, value, middle, p, (3, 4), (2, 5));
    }

    private static Vector256<int> Pick(
        Vector256<int> sector,
        Vector256<int> value,
        Vector256<int> middle,
        Vector256<int> lowest,
        (int, int) valueSectors,
        (int, int) middleSectors)
    {
        Vector256<int> isMiddle = IsOneOf(sector, middleSectors);
        Vector256<int> isValue = IsOneOf(sector, valueSectors);
        return Vector256.ConditionalSelect(
            isValue, value, Vector256.ConditionalSelect(isMiddle, middle, lowest));
    }

    private static Vector256<int> IsOneOf(Vector256<int> sector, (int First, int Second) sectors) =>
        Vector256.Equals(sector, Vector256.Create(sectors.First))
        | Vector256.Equals(sector, Vector256.Create(sectors.Second));

    private static Vector256<double> SectorOf(
        Vector128<float> sector, Vector128<float> plus, Vector128<float> minus) =>
        Double(sector) + Double(plus) - Double(minus);

    private static Vector256<double> CircleOf(Vector128<float> h)
    {
        Vector256<double> turns = (Double(h) / Vector256.Create(6.0)) + Vector256<double>.One;
        return turns - Vector256.Floor(turns);
    }

    // V (1 - part), rounded half up.
    private static Vector256<double> Shade(Vector128<float> value, Vector256<double> part) =>
        Vector256.Floor((Double(value) * (Vector256<double>.One - part)) + Vector256.Create(0.5));

    private static Vector256<int> Truncate255(Vector256<float> x) => Vector256.ConvertToInt32Native(Narrow(
        Vector256.Floor(Double(x.GetLower()) * Vector256.Create(255.0)),
        Vector256.Floor(Double(x.GetUpper()) * Vector256.Create(255.0))));

    private static Vector256<double> Double(Vector128<float> x)
    {
        (Vector128<double> low, Vector128<double> high) = Vector128.Widen(x);
        return Vector256.Create(low, high);
    }

    private static Vector256<float> Narrow(Vector256<double> low, Vector256<double> high) =>
        Vector256.Narrow(low, high);
}
