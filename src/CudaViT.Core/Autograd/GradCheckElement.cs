using System.Globalization;

namespace CudaViT.Core;

/// <summary>One gradient element that was compared.</summary>
/// <param name="Input">Number of the input, from 0.</param>
/// <param name="Index">Index in each dimension.</param>
/// <param name="Analytic">What the backward pass gave.</param>
/// <param name="Numeric">Central difference.</param>
/// <param name="Bound">Largest difference allowed.</param>
/// <param name="Ulps">Distance in units of the last place of the two doubles.</param>
/// <param name="Verdict">Outcome for this element.</param>
public sealed record GradCheckElement(
    int Input, IReadOnlyList<int> Index, double Analytic, double Numeric, double Bound, double Ulps,
    GradCheckVerdict Verdict)
{
    /// <summary>Difference in units of the bound: above 1 is wrong. NaN counts as infinitely wrong.</summary>
    public double ErrorOverBound => Math.Abs(Analytic - Numeric) / Bound is var ratio && double.IsNaN(ratio)
        ? double.PositiveInfinity
        : ratio;

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"input {Input} at [{string.Join(", ", Index)}]: backward {Analytic:g17}, difference {Numeric:g17}, "
        + $"{ErrorOverBound:g3} times the bound, {Ulps:g3} ulp, {Verdict}");
}
