using CudaViT.Training.Reports.Charts;
using CudaViT.Training.Reports.Html;

namespace CudaViT.Training.Reports.Runs;

/// <summary>The curves of a run.</summary>
internal static class RunCharts
{
    private const string Blue = "var(--blue)";
    private const string Orange = "var(--orange)";
    private const string Green = "var(--green)";
    private const string Red = "var(--red)";
    private const string Violet = "var(--violet)";
    private const string Grey = "var(--grey)";
    private const int MarkedSpikes = 50; // marks in a chart; more would hide it

    /// <summary>Loss, schedules, output spread.</summary>
    public static void WriteLoss(HtmlWriter html, RunHistory history)
    {
        html.Add($"<section id=\"loss\"><h2>Loss and schedules</h2>");
        html.Add($"<p>Lines are smoothed; the shade behind them is the range of the measurements.</p><div ");
        html.Add($"class=\"charts\">");
        new Chart
        {
            Title = "Contrastive loss",
            Caption = "The dashed line is what an encoder has whose outputs are all alike: 4·tau·ln B. "
                + "A loss that stays there has collapsed.",
            IsWide = true,
            Lines = [Measured("loss", Blue, history.Loss), Level("collapse", Red, history, history.Last?.CollapseLoss)],
        }.WriteTo(html);
        new Chart
        {
            Title = "Learning rate",
            Scale = ChartScale.FromZero,
            Lines = [Exact("lr", Green, history.LearningRate)],
        }.WriteTo(html);
        new Chart
        {
            Title = "Momentum of the momentum encoder",
            Lines = [Exact("m", Violet, history.Momentum)],
        }.WriteTo(html);
        html.Add($"</div></section>");
    }

    /// <summary>Accuracies, and how far outputs spread.</summary>
    public static void WriteKnn(HtmlWriter html, RunHistory history)
    {
        html.Add($"<section id=\"knn\"><h2>What the features are worth</h2>");
        html.Add($"<p>Held-out images get the class that their nearest training images vote for. Labels are used for ");
        html.Add($"nothing else.</p><div class=\"charts\">");
        string k = history.Evaluations is { } evaluations ? $", k = {evaluations.Last.K}" : "";
        string monitor = history.Monitor is { } reading
            ? FormattableString.Invariant(
                $" The monitor votes among the {reading.BankRows:n0} newest training views, k = {reading.K}.")
            : "";
        new Chart
        {
            Title = "kNN accuracy",
            Caption = $"Evaluations before training and after each epoch{k}; raw pixels in place of features are the "
                + $"yardstick.{monitor}",
            Scale = ChartScale.Percent,
            Lines =
            [
                Exact("features", Blue, history.Knn) with { HasDots = true },
                Exact("monitor", Orange, history.MonitorKnn),
                Exact("raw pixels", Grey, history.RawPixels) with { IsDashed = true },
            ],
        }.WriteTo(html);
        new Chart
        {
            Title = "Spread of the outputs",
            Caption = "Standard deviation over a batch of the normalised queries, times √d: near 1 when they fill the "
                + "sphere, 0 when they are all alike.",
            Scale = ChartScale.FromZero,
            Lines = [Measured("spread", Green, history.OutputStd)],
        }.WriteTo(html);
        html.Add($"</div></section>");
    }

    /// <summary>Gradient norms by depth, and their spikes.</summary>
    public static void WriteGradients(HtmlWriter html, RunHistory history)
    {
        string threshold = FormattableString.Invariant($"{SpikeFinder.Threshold} times the median of its last");
        html.Add($"<section id=\"gradients\"><h2>Gradients by depth</h2>");
        html.Add($"<p>In unstable runs a spike shows in the patch projection first and tens of steps later in the ");
        html.Add($"last ");
        html.Add($"layers. A spike is a norm of at least {threshold} {RunningMedian.Window} steps.</p>");
        html.Add($"<div class=\"charts\">");
        ChartLine[] depths = [.. history.Depths.Select((depth, i) =>
            Exact(depth.Name, DepthColor(i, history.Depths.Count), depth.Norms) with { HasRange = false })];
        new Chart
        {
            Title = "Gradient norm",
            Caption = history.Depths.Count > 0 && history.Depths[0].Norms.Count == 0
                ? "The patch projection is frozen and has no gradient."
                : "",
            Scale = ChartScale.Logarithmic,
            IsWide = true,
            Lines = [.. depths.Zip(history.Depths, (line, depth) => line with { Points = depth.Norms.Smoothed() })],
        }.WriteTo(html);
        string[] colors = [Red, Orange, Green, Blue];
        GradientSpike[] spikes = [.. history.Watched.SelectMany(part => part.Spikes())];
        new Chart
        {
            Title = "Gradient norm over its running median",
            Caption = "Where steps are many, the highest of each few. " + Count(history),
            Scale = ChartScale.Logarithmic,
            IsWide = true,
            Lines = [.. history.Watched.Select((part, i) =>
                new ChartLine(part.Part, colors[i], [.. part.Ratios.Points().Select(Highest)]))],
            Marks = [.. spikes.OrderByDescending(spike => spike.Ratio).Take(MarkedSpikes).Select(spike =>
                Mark(spike, colors[Array.FindIndex([.. history.Watched], part => part.Part == spike.Part)]))],
        }.WriteTo(html);
        html.Add($"</div>");
        WriteSpikes(html, spikes);
        html.Add($"</section>");
    }

    /// <summary>Where the time went.</summary>
    public static void WritePace(HtmlWriter html, RunHistory history)
    {
        html.Add($"<section id=\"pace\"><h2>Pace</h2><p>Time that a step waits for data is time that the device does ");
        html.Add($"nothing: more workers, faster storage or smaller files help.</p><div class=\"charts\">");
        new Chart
        {
            Title = "Share of the time spent waiting for data",
            Scale = ChartScale.Percent,
            Lines = [Measured("waiting", Orange, history.WaitingShare)],
        }.WriteTo(html);
        new Chart
        {
            Title = "Images per second",
            Scale = ChartScale.FromZero,
            Lines = [Measured("images per second", Blue, history.Pace)],
        }.WriteTo(html);
        html.Add($"</div></section>");
    }

    private static void WriteSpikes(HtmlWriter html, GradientSpike[] spikes)
    {
        if (spikes.Length == 0)
        {
            return;
        }

        html.Add($"<details class=\"card\"><summary>Spikes in the order of the run</summary><div class=\"scroll\">");
        html.Add($"<table>");
        html.Add($"<tr><th class=\"number\">from step</th><th class=\"number\">peak at</th><th>part</th>");
        html.Add($"<th class=\"number\">times its median</th></tr>");
        foreach (GradientSpike spike in spikes.OrderBy(spike => spike.Start))
        {
            html.Add($"<tr><td class=\"number\">{spike.Start}</td><td class=\"number\">{spike.Peak}</td>");
            html.Add($"<td>{spike.Part}</td><td class=\"number\">{spike.Ratio:0.0}</td></tr>");
        }

        html.Add($"</table></div></details>");
    }

    private static string Count(RunHistory history) =>
        "Spikes: " + string.Join(", ", history.Watched.Select(part => FormattableString.Invariant(
            $"{part.Count} in the {part.Part}"))) + ".";

    private static ChartMark Mark(GradientSpike spike, string color)
    {
        string where = FormattableString.Invariant($"at step {spike.Peak}, from step {spike.Start}");
        string text = FormattableString.Invariant($"{spike.Part}: {spike.Ratio:0.0} times its median {where}");
        return new ChartMark(spike.Peak, spike.Ratio, color, text);
    }

    private static CurvePoint Highest(CurvePoint point) => new(point.X, point.High, point.High, point.High);

    private static ChartLine Measured(string name, string color, Curve curve) =>
        new(name, color, curve.Smoothed()) { HasRange = true };

    private static ChartLine Exact(string name, string color, Curve curve) => new(name, color, curve.Points());

    private static ChartLine Level(string name, string color, RunHistory history, double? value)
    {
        IReadOnlyList<CurvePoint> points = history.Loss.Points();
        return new ChartLine(
            name,
            color,
            value is { } level && points.Count > 0
                ? [.. new[] { points[0], points[^1] }.Select(point => new CurvePoint(point.X, level, level, level))]
                : [])
        {
            IsDashed = true,
        };
    }

    // From the input (red) through the blocks (orange to blue) to the heads (violet), readable on light and dark.
    private static string DepthColor(int index, int count) =>
        FormattableString.Invariant($"hsl({(count > 1 ? 275.0 * index / (count - 1) : 0):0} 62% 52%)");
}
