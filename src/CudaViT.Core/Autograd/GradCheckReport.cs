using System.Globalization;
using System.Text;

namespace CudaViT.Core;

/// <summary>Result of a gradient check.</summary>
/// <param name="Verdict">The worst outcome over all elements.</param>
/// <param name="Elements">Number of elements compared.</param>
/// <param name="Worst">The elements with the largest error over bound, worst first.</param>
/// <param name="Detail">What went wrong when it was not an element; null otherwise.</param>
public sealed record GradCheckReport(
    GradCheckVerdict Verdict, long Elements, IReadOnlyList<GradCheckElement> Worst, string? Detail)
{
    /// <summary>Verdict, number of elements and the worst of them, one line each.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Verdict}, {Elements} elements compared");
        if (Detail is not null)
        {
            text.Append(CultureInfo.InvariantCulture, $": {Detail}");
        }

        foreach (GradCheckElement element in Worst)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  {element}");
        }

        return text.ToString();
    }
}

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

/// <summary>Outcome of a gradient check, for one input or for all.</summary>
public enum GradCheckVerdict
{
    /// <summary>Every element agrees.</summary>
    Pass,

    /// <summary>The function has a kink within a step of some element, so that differences say nothing there.</summary>
    AtKink,

    /// <summary>The inputs or the result have no elements, so that nothing was shown.</summary>
    NothingCompared,

    /// <summary>Two identical calls gave different bits.</summary>
    NotRepeatable,

    /// <summary>An element disagrees, is not finite, or is missing.</summary>
    Wrong,
}
