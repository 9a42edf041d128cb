using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.Training.Reports.Html;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Reports.Runs;

/// <summary>
/// The page <c>report.html</c> of a training run. All but the pictures comes from the files of the run's folder, so a
/// page that is drawn again later is the same as the one that the run left.
/// </summary>
public static class RunReport
{
    /// <summary>Draws the page and writes it into the folder of the run.</summary>
    /// <param name="folder">A run that was begun.</param>
    /// <param name="pictures">Pictures of its encoder; null for none.</param>
    /// <param name="reason">Why there are none; shown in their place.</param>
    /// <returns>The path of the page.</returns>
    /// <exception cref="InputException">The files of the run cannot be read, or the page not be written.</exception>
    public static string Write(RunFolder folder, RunPictures? pictures, string reason = "")
    {
        ArgumentNullException.ThrowIfNull(folder);
        folder.WriteReport(Draw(folder, pictures, reason));
        return folder.ReportPath;
    }

    /// <summary>Draws the page.</summary>
    internal static string Draw(RunFolder folder, RunPictures? pictures, string reason)
    {
        TrainSettings settings = SettingsRequest.Read(folder);
        var history = RunHistory.Read(folder.MetricsPath);
        RunRecord? record = RunRecord.TryRead(folder.RecordPath);
        string name = System.IO.Path.GetFileName(System.IO.Path.GetFullPath(folder.Path));
        return Page.Make($"{name} · cudavit", html =>
        {
            WriteHeader(html, name, settings, history, record);
            RunCharts.WriteLoss(html, history);
            RunCharts.WriteKnn(html, history);
            RunCharts.WriteGradients(html, history);
            RunCharts.WritePace(html, history);
            RunGallery.Write(
                html, pictures, reason, settings.Model.Architecture == Architecture.VisionTransformer);
            WriteRun(html, settings, history, record);
        });
    }

    private static void WriteHeader(
        HtmlWriter html, string name, TrainSettings settings, RunHistory history, RunRecord? record)
    {
        long step = history.Last?.Step ?? 0;
        long steps = (long)(record?.StepsPerEpoch ?? 0) * settings.Recipe.Epochs;
        html.Add($"<header><h1>{name}</h1><p>MoCo v3, {settings.Preset}");
        html.Add($"{(record is null ? "" : " · " + record.Data)}");
        html.Add($"{(step > 0 && step == steps ? " · complete" : " · step " + Whole(step))}");
        html.Add($"{(step < steps ? " of " + Whole(steps) : "")}</p><nav>");
        foreach ((string id, string text) in ((string, string)[])
            [("loss", "Loss"), ("knn", "kNN"), ("gradients", "Gradients"), ("pace", "Pace"), ("views", "Views"),
            ("neighbours", "Neighbours"), ("attention", "Attention"), ("components", "Components"), ("run", "Run")])
        {
            html.Add($"<a href=\"#{id}\">{text}</a>");
        }

        html.Add($"</nav>");
        Facts.WriteTiles(html, Tiles(settings, history));
        html.Add($"</header>\n");
    }

    private static IEnumerable<(string Name, string Value, string More)> Tiles(
        TrainSettings settings, RunHistory history)
    {
        if (history.Evaluations is { } evaluations)
        {
            string first = Percent(evaluations.First.KnnAccuracy);
            yield return (
                "kNN accuracy",
                Percent(evaluations.Last.KnnAccuracy),
                $"{first} at first, raw pixels {Percent(evaluations.Last.RawPixelAccuracy)}");
            yield return (
                "Best kNN accuracy",
                Percent(history.Best!.KnnAccuracy),
                history.Best.Evaluation == 0
                    ? "before training"
                    : FormattableString.Invariant($"after epoch {history.Best.Evaluation}"));
        }

        if (history.Last is not { } last)
        {
            yield break;
        }

        string loss = FormattableString.Invariant($"{last.Loss:0.000}");
        yield return ("Loss", loss, $"{Percent(last.LossOverCollapse)} of collapse");
        double seconds = history.Training.TotalSeconds;
        yield return (
            "Images per second",
            FormattableString.Invariant($"{(seconds > 0 ? history.Images / seconds : 0):n0}"),
            $"{Percent(seconds > 0 ? history.Waiting / history.Training : 0)} of the time waiting");
        yield return (
            "Epochs",
            FormattableString.Invariant($"{last.Epoch:0.##}"),
            FormattableString.Invariant($"of {settings.Recipe.Epochs}, {last.Step:n0} steps"));
        yield return ("Time", Facts.Time(history.Training), $"and {Facts.Time(history.Evaluating)} evaluating");
    }

    private static void WriteRun(HtmlWriter html, TrainSettings settings, RunHistory history, RunRecord? record)
    {
        html.Add($"<section id=\"run\"><h2>The run</h2><p>All of it stands in the files beside this page.</p><div ");
        html.Add($"class=\"facts\">");
        const string Unknown = "not recorded";
        Facts.WriteTable(html, "Data and device",
        [
            ("data", record?.Data ?? settings.Data.Path ?? Unknown),
            ("images to train on", Whole(record?.TrainImages) ?? Unknown),
            ("held-out images", record is { HeldOutImages: 0 } ? "none" : Whole(record?.HeldOutImages) ?? Unknown),
            ("device", record?.Device ?? Unknown),
            ("type of the activations", settings.Dtype.ToString()),
            ("seed", settings.Seed.ToString(System.Globalization.CultureInfo.InvariantCulture)),
        ]);
        Facts.WriteTable(html, "Model and time",
        [
            ("parameters", Whole(record?.Parameters) ?? Unknown),
            ("of them trained", Whole(record?.TrainedParameters) ?? Unknown),
            ("steps in an epoch", Whole(record?.StepsPerEpoch) ?? Unknown),
            ("training", Facts.Time(history.Training)),
            ("of it waiting for data", Facts.Time(history.Waiting)),
            ("evaluating", Facts.Time(history.Evaluating)),
        ]);
        WriteSettings(html, settings);
        Facts.WriteDamaged(html, record?.Damaged ?? []);
        html.Add($"</div></section>");
    }

    private static void WriteSettings(HtmlWriter html, TrainSettings settings)
    {
        html.Add($"<details class=\"card wide\"><summary>All settings</summary><div class=\"scroll\"><table>");
        foreach ((string key, string value) in Flatten("", JsonNode.Parse(SettingsJson.Write(settings))))
        {
            html.Add($"<tr><th>{key}</th><td>{value}</td></tr>");
        }

        html.Add($"</table></div></details>");
    }

    private static IEnumerable<(string Key, string Value)> Flatten(string key, JsonNode? node)
    {
        if (node is JsonObject group)
        {
            return group.SelectMany(pair => Flatten(key.Length == 0 ? pair.Key : $"{key}.{pair.Key}", pair.Value));
        }

        string? text = node is JsonValue value && value.TryGetValue(out string? word) ? word : node?.ToJsonString();
        return [(key, text ?? "none")];
    }

    private static string Percent(double share) => FormattableString.Invariant($"{100 * share:0.0} %");

    private static string Whole(long value) => FormattableString.Invariant($"{value:n0}");

    private static string? Whole(long? value) => value is { } number ? Whole(number) : null;
}
