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
