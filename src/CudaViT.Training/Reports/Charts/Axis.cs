using System.Globalization;

namespace CudaViT.Training.Reports.Charts;

/// <summary>Maps values to a range of pixels, and knows round values to write beside it.</summary>
internal sealed class Axis
{
    private const double LogRoom = 1.15; // above and below the data, as a factor
    private const int WideDecades = 2; // from so many on, only powers of ten are marked
    private static readonly double[] Steps = [1, 2, 2.5, 5, 10];
    private static readonly int[] LogSteps = [1, 2, 5];

    private readonly bool _isLog;
    private readonly double _step; // between ticks of a linear axis

    private Axis(double low, double high, bool isLog, double step) =>
        (Low, High, _isLog, _step) = (low, high, isLog, step);

    /// <summary>First value.</summary>
    public double Low { get; }

    /// <summary>Last value.</summary>
    public double High { get; }

    /// <summary>An axis from exactly one value to another.</summary>
    /// <param name="low">First value.</param>
    /// <param name="high">Last value.</param>
    /// <param name="ticks">About how many marks.</param>
    /// <param name="whole">Whether fractions mean nothing, as for steps.</param>
    public static Axis Exact(double low, double high, int ticks, bool whole = false)
    {
        double width = high > low ? high - low : 1;
        double step = NiceStep(width / ticks);
        return new Axis(low, low + width, isLog: false, whole ? Math.Max(1, Math.Round(step)) : step);
    }

    /// <summary>An axis around values that begins and ends at marks.</summary>
    public static Axis Linear(double low, double high, int ticks)
    {
        double room = high > low ? high - low : Math.Max(Math.Abs(high), 1e-12);
        double step = NiceStep(room / ticks);
        double first = Math.Floor((low / step) + 1e-9) * step;
        double last = Math.Ceiling((high / step) - 1e-9) * step;
        return new Axis(first, last > first ? last : first + step, isLog: false, step);
    }

    /// <summary>A logarithmic axis around positive values.</summary>
    public static Axis Log(double low, double high) => new(low / LogRoom, high * LogRoom, isLog: true, step: 0);

    /// <summary>
    /// Where a value is, 0 at <see cref="Low"/> and 1 at <see cref="High"/>; values outside are clamped.
    /// </summary>
    public double Place(double value)
    {
        double place = _isLog
            ? Math.Log(Math.Max(value, Low) / Low) / Math.Log(High / Low)
            : (value - Low) / (High - Low);
        return Math.Clamp(place, 0, 1);
    }

    /// <summary>Round values and their texts.</summary>
    public IEnumerable<(double Value, string Text)> Ticks()
    {
        if (_isLog)
        {
            return LogTicks();
        }

        double first = Math.Ceiling((Low / _step) - 1e-9) * _step;
        int count = (int)Math.Floor(((High - first) / _step) + 1e-9) + 1;
        return Enumerable.Range(0, Math.Max(0, count)).Select(i => first + (i * _step))
            .Select(value => (value, Text(Math.Abs(value) < _step / 2 ? 0 : value, _step)));
    }

    /// <summary>A number for people: 12k, 1.5M, 0.25, 3e-4.</summary>
    /// <param name="value">The number.</param>
    /// <param name="step">The smallest difference that matters.</param>
    public static string Text(double value, double step)
    {
        double size = Math.Max(Math.Abs(value), step);
        int decimals = Math.Max(0, DecimalsOf(step));
        return value == 0 ? "0"
            : size >= 1e6 ? Invariant(value / 1e6, Math.Max(0, DecimalsOf(step / 1e6))) + "M"
            : size >= 1e4 ? Invariant(value / 1e3, Math.Max(0, DecimalsOf(step / 1e3))) + "k"
            : decimals <= 3 ? Invariant(value, decimals)
            : value.ToString("0.##e+0", CultureInfo.InvariantCulture).Replace("e+", "e", StringComparison.Ordinal);
    }

    private static string Invariant(double value, int decimals) =>
        value.ToString("f" + decimals.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static int DecimalsOf(double step)
    {
        for (int decimals = 0; decimals < 12; decimals++)
        {
            double scaled = step * Math.Pow(10, decimals);
            if (Math.Abs(scaled - Math.Round(scaled)) < 1e-6 * scaled)
            {
                return decimals;
            }
        }

        return 12;
    }

    private static double NiceStep(double rough)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return Steps.First(step => step * power >= rough * (1 - 1e-9)) * power;
    }

    private IEnumerable<(double Value, string Text)> LogTicks()
    {
        bool isWide = Math.Log10(High / Low) > WideDecades;
        for (int decade = (int)Math.Floor(Math.Log10(Low)); decade <= Math.Ceiling(Math.Log10(High)); decade++)
        {
            foreach (int step in isWide ? [1] : LogSteps)
            {
                double value = step * Math.Pow(10, decade);
                if (value >= Low && value <= High)
                {
                    yield return (value, Text(value, value));
                }
            }
        }
    }
}
