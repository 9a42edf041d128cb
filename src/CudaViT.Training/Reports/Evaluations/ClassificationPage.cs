using System.Text;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Reports.Charts;
using CudaViT.Training.Reports.Html;

namespace CudaViT.Training.Reports.Evaluations;

/// <summary>
/// The page <c>report.html</c> of a classifier that was judged: its accuracies, its curves if it was trained, every
/// class and what is taken for what.
/// </summary>
public sealed record ClassificationPage
{
    /// <summary>What was done, in a few words.</summary>
    public required string Title { get; init; }

    /// <summary>The file of the encoder.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>Name of the data.</summary>
    public required string Data { get; init; }

    /// <summary>Top-1 accuracy, 0 to 1.</summary>
    public required double Top1 { get; init; }

    /// <summary>Top-5 accuracy.</summary>
    public required double Top5 { get; init; }

    /// <summary>Curves of the training, or of what was varied.</summary>
    public IReadOnlyList<ResultChart> Charts { get; init; } = [];

    /// <summary>Names and values: how it was done.</summary>
    public required IReadOnlyList<(string Name, string Value)> Facts { get; init; }

    /// <summary>Every class.</summary>
    public required IReadOnlyList<ClassScore> Classes { get; init; }

    /// <summary>Held-out images by true class (row) and predicted class (column).</summary>
    public required IReadOnlyList<int[]> Confusion { get; init; }

    /// <summary>Images that could not be decoded and were left out.</summary>
    public required IReadOnlyList<DamagedImage> LeftOut { get; init; }

    /// <summary>The page of an evaluation by nearest neighbours.</summary>
    public static ClassificationPage Of(KnnReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return new ClassificationPage
        {
            Title = "Nearest neighbours",
            Checkpoint = report.Checkpoint,
            Data = report.Data,
            Top1 = report.Top1,
            Top5 = report.Top5,
            Charts =
            [
                new ResultChart("Accuracy by number of neighbours", "k",
                [
                    new ResultLine("top-1", [.. report.Knn.Select(score => ((double)score.K, score.Accuracy))]),
                    new ResultLine("top-5", [.. report.Knn.Select(score => ((double)score.K, score.Top5))]),
                    new ResultLine("raw pixels", [.. report.Knn.Select(score => ((double)score.K, score.RawPixels))]),
                ]),
            ],
            Facts =
            [
                ("training images", Whole(report.TrainImages)),
                ("held-out images", Whole(report.HeldOutImages)),
                (
                    "neighbours that vote",
                    $"{Whole(report.ChosenK)}, the best of {Listed(report.Knn.Select(score => (double)score.K))}"),
                ("temperature", FormattableString.Invariant($"{KnnClassifier.Temperature}")),
            ],
            Classes = report.Classes,
            Confusion = report.Confusion,
            LeftOut = report.LeftOut,
        };
    }

    /// <summary>The page of a linear probe.</summary>
    public static ClassificationPage Of(LinearReport report)
    {
        ArgumentNullException.ThrowIfNull(report);
        return new ClassificationPage
        {
            Title = "Linear probe",
            Checkpoint = report.Checkpoint,
            Data = report.Data,
            Top1 = report.Top1,
            Top5 = report.Top5,
            Charts =
            [
                new ResultChart("Top-1 accuracy", "epoch", [.. report.Rates.Select(rate => new ResultLine(
                    FormattableString.Invariant($"lr {rate.BaseLearningRate}"),
                    [.. rate.History.Select(score => ((double)score.Epoch, score.Top1))]))]),
                new ResultChart("Training loss", "epoch", [.. report.Rates.Select(rate => new ResultLine(
                    FormattableString.Invariant($"lr {rate.BaseLearningRate}"),
                    [.. rate.History.Where(score => score.Loss is not null)
                        .Select(score => ((double)score.Epoch, score.Loss!.Value))]))])
                {
                    Scale = ChartScale.Logarithmic,
                },
            ],
            Facts =
            [
                ("training images", Whole(report.TrainImages)),
                ("held-out images", Whole(report.HeldOutImages)),
                (
                    "base learning rate",
                    FormattableString.Invariant($"{report.ChosenBaseLearningRate}, the best of ")
                        + Listed(report.Rates.Select(rate => rate.BaseLearningRate))),
                ("epochs", Whole(report.Settings.Epochs)),
                ("batch", Whole(report.Settings.Batch)),
                ("seed", FormattableString.Invariant($"{report.Settings.Seed}")),
                ("frozen tensors, found unchanged", Whole(report.FrozenTensors)),
            ],
            Classes = report.Classes,
            Confusion = report.Confusion,
            LeftOut = report.LeftOut,
        };
    }

    /// <summary>Writes <c>report.html</c>.</summary>
    /// <param name="folder">Must exist.</param>
    /// <param name="files">How files are written.</param>
    /// <exception cref="CheckpointException">It cannot be written.</exception>
    public void Write(string folder, DurableFiles files)
    {
        ArgumentNullException.ThrowIfNull(files);
        byte[] html = Encoding.UTF8.GetBytes(Draw());
        files.Write(Path.Combine(folder, "report.html"), html.Length, stream => stream.Write(html));
    }

    /// <summary>Draws the page.</summary>
    internal string Draw() => Page.Make($"{Title} · cudavit", html =>
    {
        html.Add($"<header><h1>{Title}</h1><p>{Checkpoint} · {Data}</p>");
        Html.Facts.WriteTiles(html, Tiles());
        html.Add($"</header>");
        if (Charts.Count > 0)
        {
            html.Add($"<section id=\"curves\"><h2>Curves</h2><p>Accuracies are those of held-out images.</p>");
            html.Add($"<div class=\"charts\">");
            foreach (ResultChart chart in Charts)
            {
                chart.WriteTo(html, isWide: Charts.Count == 1);
            }

            html.Add($"</div></section>");
        }

        ConfusionSection.Write(html, Classes, Confusion);
        ClassTable.Write(html, Classes);
        html.Add($"<section id=\"run\"><h2>The evaluation</h2><p>All of it stands in the files beside this page.</p>");
        html.Add($"<div class=\"facts\">");
        Html.Facts.WriteTable(html, "How", [("encoder", Checkpoint), ("data", Data), .. Facts]);
        Html.Facts.WriteDamaged(html, LeftOut);
        html.Add($"</div></section>");
    });

    private IEnumerable<(string Name, string Value, string More)> Tiles()
    {
        ClassScore[] known = [.. Classes.Where(score => score.Top1 is not null)];
        yield return ("Top-1 accuracy", Percent(Top1), "the class is the first answer");
        yield return ("Top-5 accuracy", Percent(Top5), "the class is among five answers");
        if (known.Length == 0)
        {
            yield break;
        }

        ClassScore hardest = known.MinBy(score => score.Top1)!;
        yield return ("Mean of the classes", Percent(known.Average(score => score.Top1!.Value)), "each counts alike");
        yield return ("Hardest class", Percent(hardest.Top1!.Value), ClassTable.NameOf(hardest));
        yield return ("Images", Whole(Classes.Sum(score => score.Images)), $"of {Whole(Classes.Count)} classes");
    }

    private static string Percent(double share) => FormattableString.Invariant($"{100 * share:0.0} %");

    private static string Whole(int value) => FormattableString.Invariant($"{value:n0}");

    private static string Listed(IEnumerable<double> values) =>
        string.Join(", ", values.Select(value => FormattableString.Invariant($"{value}")));
}
