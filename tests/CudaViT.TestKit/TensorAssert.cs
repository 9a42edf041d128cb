using System.Globalization;
using CudaViT.Core;
using Xunit.Sdk;

namespace CudaViT.TestKit;

/// <summary>
/// Comparisons whose failure message is a recipe: what, where, both values, and how far over the bound.
/// </summary>
public static class TensorAssert
{
    /// <summary>Every element within the tolerance.</summary>
    public static void Close(double[] expected, Tensor actual, Tolerance tolerance, string what = "result") =>
        Close(expected, actual.Data, tolerance, what);

    /// <summary>Every element within the tolerance.</summary>
    public static void Close(double[] expected, NdArray? actual, Tolerance tolerance, string what = "result")
    {
        if (actual is null)
        {
            throw new XunitException($"{what}: there is none.");
        }

        double scale = tolerance.Scale ?? Rms(expected);
        Compare(expected, actual, what, e => tolerance.Relative * (Math.Abs(e) + scale));
    }

    /// <summary>Every element within an absolute bound.</summary>
    public static void Within(double[] expected, NdArray? actual, double bound, string what = "result")
    {
        if (actual is null)
        {
            throw new XunitException($"{what}: there is none.");
        }

        Compare(expected, actual, what, _ => bound);
    }

    /// <summary>Equal type, shape and bits.</summary>
    public static void SameBits(NdArray expected, NdArray actual, string what = "result")
    {
        byte[] first = new byte[expected.SizeInBytes];
        byte[] second = new byte[actual.SizeInBytes];
        expected.Backend.CopyToHost(expected, first);
        actual.Backend.CopyToHost(actual, second);
        if (expected.DType != actual.DType || expected.Shape != actual.Shape || !first.AsSpan().SequenceEqual(second))
        {
            int at = first.AsSpan().CommonPrefixLength(second) / expected.DType.SizeInBytes();
            throw new XunitException(
                $"{what}: {expected.Description} and {actual.Description} differ, first at element {at}.");
        }
    }

    private static void Compare(double[] expected, NdArray actual, string what, Func<double, double> bound)
    {
        if (actual.Count != expected.Length)
        {
            throw new XunitException($"{what}: {expected.Length} elements expected, but it is {actual.Description}.");
        }

        double[] values = actual.ToDoubles();
        int worst = -1;
        double worstRatio = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double error = Math.Abs(values[i] - expected[i]);
            double allowed = bound(expected[i]);

            // Equal infinities are right; every other comparison with NaN or infinity is wrong.
            bool isRight = values[i].Equals(expected[i]) || error <= allowed;
            double ratio =
                isRight ? 0 : double.IsFinite(error) && allowed > 0 ? error / allowed : double.PositiveInfinity;
            if (ratio > worstRatio)
            {
                (worst, worstRatio) = (i, ratio);
            }
        }

        if (worst >= 0)
        {
            throw new XunitException(string.Create(
                CultureInfo.InvariantCulture,
                $"{what}, {actual.Description}: element {worst} is {values[worst]:g17}, "
                + $"expected {expected[worst]:g17}; "
                + $"the error is {worstRatio:g3} times the bound {bound(expected[worst]):g3}."));
        }
    }

    private static double Rms(double[] values) =>
        values.Length == 0 ? 0 : Math.Sqrt(values.Average(value => value * value));
}
