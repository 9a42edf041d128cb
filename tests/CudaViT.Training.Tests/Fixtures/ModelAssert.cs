using CudaViT.TestKit;
using Xunit.Sdk;

namespace CudaViT.Training.Tests;

/// <summary>
/// Comparisons with the recorded models. float64 is held to the README's 1e-9 absolute and, for values stored as
/// float32, 1e-6 relative. float32 bounds come from <c>tolerances.json</c>, ten times the spread that was measured.
/// </summary>
internal static class ModelAssert
{
    /// <summary>Bound of float64 results.</summary>
    public const double Exact = 1e-9;

    /// <summary>Bound of float64 results that are zero in theory and that AdamW divides by their own size.</summary>
    public const double ExactZeroGroup = 1e-6;

    /// <summary>Suggested tolerances are this multiple of the measured spread.</summary>
    public const double Spread = 10;

    private const double Rounded = 1e-6;

    /// <summary>Compares a float64 result with a recorded tensor.</summary>
    public static void Float64(Recording recording, string name, ReadOnlySpan<double> actual, double bound = Exact)
    {
        double relative = recording.IsRounded(name) ? Rounded : 0;
        Compare(recording[name], actual, name, expected => bound + (relative * Math.Abs(expected)));
    }

    /// <summary>
    /// Compares part of a result within an absolute bound, and optionally by the root of its mean square error.
    /// </summary>
    public static void Within(
        ReadOnlySpan<double> expected, ReadOnlySpan<double> actual, string what, double bound, double? rmsBound = null)
    {
        Compare(expected, actual, what, _ => bound);
        double squares = 0;
        for (int i = 0; i < expected.Length; i++)
        {
            squares += (actual[i] - expected[i]) * (actual[i] - expected[i]);
        }

        double rms = Math.Sqrt(squares / Math.Max(1, expected.Length));
        if (rmsBound is { } allowed && !(rms <= allowed))
        {
            throw new XunitException(FormattableString.Invariant(
                $"{what}: rms error {rms:g3} above the bound {allowed:g3}."));
        }
    }

    public static double Rms(ReadOnlySpan<double> values)
    {
        double squares = 0;
        foreach (double value in values)
        {
            squares += value * value;
        }

        return Math.Sqrt(squares / Math.Max(1, values.Length));
    }

    private static void Compare(
        ReadOnlySpan<double> expected, ReadOnlySpan<double> actual, string what, Func<double, double> bound)
    {
        if (expected.Length != actual.Length)
        {
            throw new XunitException($"{what}: {actual.Length} elements, expected {expected.Length}.");
        }

        for (int i = 0; i < expected.Length; i++)
        {
            if (!(Math.Abs(actual[i] - expected[i]) <= bound(expected[i])))
            {
                double allowed = bound(expected[i]);
                throw new XunitException(FormattableString.Invariant(
                    $"{what}: element {i} is {actual[i]:g17}, expected {expected[i]:g17}, bound {allowed:g3}."));
            }
        }
    }
}
