using CudaViT.Training.Reports.Charts;
using CudaViT.Training.Reports.Html;

namespace CudaViT.Training.Reports.Evaluations;

/// <summary>A chart of an evaluation's page.</summary>
/// <param name="Title">What it shows.</param>
/// <param name="XName">What x counts, for example <c>epoch</c>.</param>
/// <param name="Lines">Its lines.</param>
public sealed record ResultChart(string Title, string XName, IReadOnlyList<ResultLine> Lines)
{
    private static readonly string[] Colors =
        ["var(--blue)", "var(--orange)", "var(--green)", "var(--violet)", "var(--red)", "var(--grey)"];

    /// <summary>The vertical axis; shares from 0 to 1 unless said otherwise.</summary>
    public ChartScale Scale { get; init; } = ChartScale.Percent;

    /// <summary>Writes it as a figure.</summary>
    internal void WriteTo(HtmlWriter html, bool isWide) => new Chart
    {
        Title = Title,
        XName = XName,
        IsWide = isWide,
        Scale = Scale,
        Lines = [.. Lines.Select((line, i) => new ChartLine(line.Name, Colors[i % Colors.Length], Points(line))
        {
            HasDots = true,
        })],
    }.WriteTo(html);

    private static IReadOnlyList<CurvePoint> Points(ResultLine line)
    {
        var curve = new Curve(); // training for thousands of epochs is still a few hundred points
        foreach ((double x, double y) in line.Points)
        {
            curve.Add(x, y);
        }

        return curve.Points();
    }
}

/// <summary>A line of a <see cref="ResultChart"/>.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Points">From left to right.</param>
public sealed record ResultLine(string Name, IReadOnlyList<(double X, double Y)> Points);
