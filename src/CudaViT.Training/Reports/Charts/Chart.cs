using System.Globalization;
using System.Text;
using System.Text.Json;
using CudaViT.Training.Reports.Html;

namespace CudaViT.Training.Reports.Charts;

/// <summary>Lines over steps or epochs, drawn as SVG with round marks on both axes.</summary>
internal sealed class Chart
{
    private const double Left = 54;
    private const double Right = 14;
    private const double Top = 12;
    private const double Bottom = 36;
    private const int XTicks = 6; // twice as many on a wide one
    private const int YTicks = 5;
    private const double DotRadius = 3;
    private const int FewPoints = 60; // of which every one gets a dot, where a line has dots

    /// <summary>What it shows; also its name for screen readers.</summary>
    public required string Title { get; init; }

    /// <summary>How to read it, in a sentence or two.</summary>
    public string Caption { get; init; } = "";

    /// <summary>What x counts.</summary>
    public string XName { get; init; } = "step";

    /// <summary>The vertical axis.</summary>
    public ChartScale Scale { get; init; }

    /// <summary>Whether it takes the whole width of the page.</summary>
    public bool IsWide { get; init; }

    /// <summary>The lines; those without points are left out.</summary>
    public required IReadOnlyList<ChartLine> Lines { get; init; }

    /// <summary>Places that deserve attention.</summary>
    public IReadOnlyList<ChartMark> Marks { get; init; } = [];

    private double Width => IsWide ? 1120 : 552;

    private double Height => IsWide ? 300 : 250;

    /// <summary>Writes it as a figure.</summary>
    public void WriteTo(HtmlWriter html)
    {
        ChartLine[] lines = [.. Lines.Where(line => line.Points.Count > 0)];
        html.Add($"<figure class=\"chart{(IsWide ? " wide" : "")}\"><figcaption><h3>{Title}</h3>");
        WriteLegend(html, lines);
        html.Add($"</figcaption>");
        if (lines.Length == 0)
        {
            html.Add($"<p class=\"none\">Nothing was measured yet.</p>");
        }
        else
        {
            WritePlot(html, lines);
        }

        if (Caption.Length > 0)
        {
            html.Add($"<p class=\"caption\">{Caption}</p>");
        }

        html.Add($"</figure>");
    }

    private static void WriteLegend(HtmlWriter html, ChartLine[] lines)
    {
        if (lines.Length < 2)
        {
            return;
        }

        html.Add($"<ul class=\"legend\">");
        foreach (ChartLine line in lines)
        {
            html.Add($"<li><i class=\"{(line.IsDashed ? "dashed" : "")}\" style=\"--c:{line.Color}\"></i>");
            html.Add($"{line.Name}</li>");
        }

        html.Add($"</ul>");
    }

    private void WritePlot(HtmlWriter html, ChartLine[] lines)
    {
        (Axis x, Axis y) = (XAxis(lines), YAxis(lines));
        html.Add($"<div class=\"plot\"><svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{Title}\">");
        WriteAxes(html, x, y);
        foreach (ChartLine line in lines)
        {
            WriteLine(html, line, x, y);
        }

        foreach (ChartMark mark in Marks)
        {
            (double markX, double markY) = (PlaceX(x, mark.X), PlaceY(y, mark.Y));
            html.Add($"<path class=\"mark\" style=\"fill:{mark.Color}\" d=\"M{markX} {markY - 3}l4 -8h-8z\">");
            html.Add($"<title>{mark.Text}</title></path>");
        }

        html.Add($"<line class=\"cursor\" y1=\"{Top}\" y2=\"{Height - Bottom}\" hidden=\"\"/></svg>");
        html.Add($"<script type=\"application/json\">");
        html.AddMarkup(Data(lines, x));
        html.Add($"</script></div>");
    }

    private Axis XAxis(ChartLine[] lines) => Axis.Exact(
        Math.Min(lines.Min(line => line.Points[0].X), lines.Max(line => line.Points[^1].X) - 1),
        lines.Max(line => line.Points[^1].X),
        IsWide ? 2 * XTicks : XTicks,
        whole: true);

    private Axis YAxis(ChartLine[] lines)
    {
        double[] values = [.. lines.SelectMany(line => line.Points.SelectMany(point =>
            line.HasRange ? (double[])[point.Low, point.Y, point.High] : [point.Y]))];
        if (Scale == ChartScale.Logarithmic)
        {
            double[] positive = [.. values.Where(value => value > 0)];
            return positive.Length == 0 ? Axis.Log(0.1, 1) : Axis.Log(positive.Min(), positive.Max());
        }

        (double low, double high) = (values.Min(), values.Max());
        double factor = Scale == ChartScale.Percent ? 100 : 1;
        return Axis.Linear(
            Scale == ChartScale.Linear ? low : Math.Min(0, low * factor), high * factor, YTicks);
    }

    private double PlaceX(Axis x, double value) => Left + (x.Place(value) * (Width - Left - Right));

    private double PlaceY(Axis y, double value)
    {
        double place = y.Place(Scale == ChartScale.Percent ? 100 * value : value);
        return Height - Bottom - (place * (Height - Top - Bottom));
    }

    private void WriteAxes(HtmlWriter html, Axis x, Axis y)
    {
        html.Add($"<g class=\"grid\">");
        foreach ((double value, string text) in y.Ticks())
        {
            double place = PlaceY(y, Scale == ChartScale.Percent ? value / 100 : value);
            html.Add($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{place}\" y2=\"{place}\"/>");
            html.Add($"<text class=\"y\" x=\"{Left - 8}\" y=\"{place + 4}\">");
            html.Add($"{text}{(Scale == ChartScale.Percent ? " %" : "")}</text>");
        }

        html.Add($"</g><g class=\"axis\">");
        html.Add($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Height - Bottom}\" y2=\"{Height - Bottom}\"/>");
        foreach ((double value, string text) in x.Ticks())
        {
            double place = PlaceX(x, value);
            html.Add($"<line x1=\"{place}\" x2=\"{place}\" y1=\"{Height - Bottom}\" y2=\"{Height - Bottom + 4}\"/>");
            html.Add($"<text class=\"x\" x=\"{place}\" y=\"{Height - Bottom + 17}\">{text}</text>");
        }

        html.Add($"<text class=\"name\" x=\"{Width - Right}\" y=\"{Height - 3}\">{XName}</text></g>");
    }

    private void WriteLine(HtmlWriter html, ChartLine line, Axis x, Axis y)
    {
        html.Add($"<g style=\"--c:{line.Color}\">");
        if (line.HasRange && line.Points.Count > 1)
        {
            html.Add($"<path class=\"range\" d=\"{Range(line.Points, x, y)}\"/>");
        }

        html.Add($"<path class=\"line{(line.IsDashed ? " dashed" : "")}\" d=\"{Path(line.Points, x, y)}\"/>");
        if (line.HasDots && line.Points.Count <= FewPoints || line.Points.Count == 1)
        {
            foreach (CurvePoint point in line.Points)
            {
                html.Add($"<circle class=\"dot\" cx=\"{PlaceX(x, point.X)}\" cy=\"{PlaceY(y, point.Y)}\" ");
                html.Add($"r=\"{DotRadius}\"/>");
            }
        }

        html.Add($"</g>");
    }

    private string Path(IEnumerable<CurvePoint> points, Axis x, Axis y)
    {
        var path = new StringBuilder("M");
        foreach (CurvePoint point in points)
        {
            path.Append(CultureInfo.InvariantCulture, $"{PlaceX(x, point.X):0.#} {PlaceY(y, point.Y):0.#} ");
        }

        return path.ToString();
    }

    // Up along the largest, back along the smallest: where every point is one measurement this is the raw curve.
    private string Range(IReadOnlyList<CurvePoint> points, Axis x, Axis y) =>
        Path(points.Select(point => point with { Y = point.High }), x, y)
        + Path(points.Reverse().Select(point => point with { Y = point.Low }), x, y).Replace('M', 'L') + "Z";

    // For the script that reads values under the pointer. Letters that could end a script element are escaped.
    private string Data(ChartLine[] lines, Axis x) => JsonSerializer.Serialize(new
    {
        name = XName,
        low = x.Low,
        high = x.High,
        left = Left / Width,
        right = Right / Width,
        width = Width,
        percent = Scale == ChartScale.Percent,
        lines = lines.Select(line => new
        {
            name = line.Name,
            color = line.Color,
            x = line.Points.Select(point => Rounded(point.X)),
            y = line.Points.Select(point => Rounded(point.Y)),
        }),
    });

    private static double Rounded(double value) =>
        double.Parse(value.ToString("g6", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
}

/// <summary>A line of a chart.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Color">A CSS colour.</param>
/// <param name="Points">From left to right.</param>
internal sealed record ChartLine(string Name, string Color, IReadOnlyList<CurvePoint> Points)
{
    /// <summary>Draw the range of the measurements behind the line.</summary>
    public bool HasRange { get; init; }

    /// <summary>Mark every point.</summary>
    public bool HasDots { get; init; }

    /// <summary>A yardstick rather than a result.</summary>
    public bool IsDashed { get; init; }
}

/// <summary>A place in a chart that deserves attention.</summary>
/// <param name="X">Where.</param>
/// <param name="Y">Where.</param>
/// <param name="Color">A CSS colour.</param>
/// <param name="Text">Shown when the pointer rests on it.</param>
internal readonly record struct ChartMark(double X, double Y, string Color, string Text);

/// <summary>How a chart's vertical axis is chosen.</summary>
public enum ChartScale
{
    /// <summary>Around the values.</summary>
    Linear,

    /// <summary>From zero.</summary>
    FromZero,

    /// <summary>Shares from 0 to 1, written in per cent.</summary>
    Percent,

    /// <summary>By factors.</summary>
    Logarithmic,
}
