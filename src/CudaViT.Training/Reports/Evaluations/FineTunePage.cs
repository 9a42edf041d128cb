using System.Text.Json;
using CudaViT.Training.Reports.Charts;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Reports.Evaluations;

/// <summary>The page of a fine-tuned classifier.</summary>
internal static class FineTunePage
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>Puts the page together.</summary>
    /// <param name="report">What the run came to.</param>
    /// <param name="metricsPath">Its <c>metrics.jsonl</c>.</param>
    /// <exception cref="RunException">The metrics cannot be read.</exception>
    public static ClassificationPage Of(FineTuneReport report, string metricsPath) => new()
    {
        Title = "Fine-tuning",
        Checkpoint = report.Checkpoint ?? "from scratch",
        Data = report.Data,
        Top1 = report.Top1,
        Top5 = report.Top5,
        Charts = [Accuracy(report), .. Steps(metricsPath)],
        Facts =
        [
            ("training images", FormattableString.Invariant($"{report.TrainImages:n0}")),
            ("held-out images", FormattableString.Invariant($"{report.HeldOutImages:n0}")),
            ("best top-1", Best(report.Weights)),
            ("best top-1 of the averaged weights", report.Average is { } average ? Best(average) : "there are none"),
            .. JsonSerializer.SerializeToNode(report.Recipe, Json)!.AsObject()
                .Select(pair => (pair.Key, pair.Value?.ToString() ?? "none")),
        ],
        Classes = report.Weights.Classes,
        Confusion = report.Weights.Confusion,
        LeftOut = report.LeftOut,
    };

    private static string Best(ClassifierResult result) => FormattableString.Invariant(
        $"{100 * result.Best.Top1:0.0} % after epoch {result.Best.Epoch}, {100 * result.Last.Top1:0.0} % at the end");

    private static ResultChart Accuracy(FineTuneReport report) => new("Top-1 accuracy", "epoch",
    [
        Line("weights", report.Weights),
        .. report.Average is { } average ? [Line("averaged weights", average)] : Array.Empty<ResultLine>(),
    ]);

    private static ResultLine Line(string name, ClassifierResult result) =>
        new(name, [.. result.History.Select(score => ((double)score.Epoch, score.Top1))]);

    private static ResultChart[] Steps(string path)
    {
        Curve[] curves = [new(), new(), new()];
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream);
            while (reader.ReadLine() is { } line)
            {
                if (line.Contains("\"lr\":", StringComparison.Ordinal)
                    && JsonSerializer.Deserialize<FineTuneStepMetrics>(line, Json) is { } step)
                {
                    curves[0].Add(step.Step, step.Loss);
                    curves[1].Add(step.Step, step.Lr);
                    curves[2].Add(step.Step, step.GradientNorm);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new RunException(
                $"{path}: cannot be read ({e.Message.TrimEnd('.')}); expected the metrics of the run.", e);
        }

        return
        [
            Chart("Training loss", curves[0].Smoothed(), ChartScale.Linear),
            Chart("Learning rate", curves[1].Points(), ChartScale.FromZero),
            Chart("Gradient norm", curves[2].Smoothed(), ChartScale.Logarithmic),
        ];
    }

    private static ResultChart Chart(string title, IReadOnlyList<CurvePoint> points, ChartScale scale) =>
        new(title, "step", [new ResultLine(title, [.. points.Select(point => (point.X, point.Y))])]) { Scale = scale };
}
