using CudaViT.Training.Evaluation;
using CudaViT.Training.Reports.Html;

namespace CudaViT.Training.Reports.Evaluations;

/// <summary>How a classifier did with each class, the hardest first.</summary>
internal static class ClassTable
{
    private const int Many = 25; // classes of which only the hardest are open at first

    /// <summary>Name of a class, or its number.</summary>
    public static string NameOf(ClassScore score) => score.Name ?? FormattableString.Invariant($"class {score.Class}");

    /// <summary>Writes the table.</summary>
    public static void Write(HtmlWriter html, IReadOnlyList<ClassScore> classes)
    {
        ClassScore[] sorted = [.. classes.OrderBy(score => score.Top1 ?? 2).ThenBy(score => score.Class)];
        html.Add($"<section id=\"classes\"><h2>Classes</h2><p>The hardest first. Accuracy is the share of a class's ");
        html.Add($"images ");
        html.Add($"that were recognised, precision the share of images taken for the class that are of it.</p>");
        html.Add($"<div class=\"card scroll\">");
        WriteRows(html, sorted.Take(Many));
        html.Add($"</div>");
        if (sorted.Length > Many)
        {
            html.Add($"<details class=\"card\"><summary>{sorted.Length - Many} more classes</summary><div ");
            html.Add($"class=\"scroll\">");
            WriteRows(html, sorted.Skip(Many));
            html.Add($"</div></details>");
        }

        html.Add($"</section>");
    }

    private static void WriteRows(HtmlWriter html, IEnumerable<ClassScore> classes)
    {
        html.Add($"<table><tr><th>class</th><th class=\"number\">images</th><th class=\"number\">accuracy</th>");
        html.Add($"<th></th><th class=\"number\">precision</th></tr>");
        foreach (ClassScore score in classes)
        {
            html.Add($"<tr><td>{NameOf(score)}</td><td class=\"number\">{score.Images}</td>");
            html.Add($"<td class=\"number\">{Percent(score.Top1)}</td>");
            html.Add($"<td><i class=\"bar\" style=\"width:{160 * (score.Top1 ?? 0)}px\"></i></td>");
            html.Add($"<td class=\"number\">{Percent(score.Precision)}</td></tr>");
        }

        html.Add($"</table>");
    }

    private static string Percent(double? share) =>
        share is { } value ? FormattableString.Invariant($"{100 * value:0.0} %") : "–";
}
