using System.Text.Json;
using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>
/// What a fine-tuning run leaves at its end: <c>final.safetensors</c>, the same of the averaged weights in
/// <c>final-ema.safetensors</c>, and <c>finetune.json</c>.
/// </summary>
/// <param name="folder">Where they go.</param>
/// <param name="settings">The run's settings.</param>
/// <param name="data">What it was trained on.</param>
/// <param name="leftOut">Images of it that could not be decoded.</param>
internal sealed class FineTuneFiles(
    RunFolder folder, FineTuneSettings settings, DatasetSplits data, LeftOutImages leftOut)
{
    /// <summary>The model with averaged weights.</summary>
    public const string AverageName = "final-ema.safetensors";

    /// <summary>The report.</summary>
    public const string ReportName = "finetune.json";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <summary>The evaluations in a run's <c>metrics.jsonl</c>, in order.</summary>
    public static IEnumerable<FineTuneEvaluation> ReadHistory(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (reader.ReadLine() is { } line)
        {
            if (line.Contains("\"evaluation\":", StringComparison.Ordinal))
            {
                yield return JsonSerializer.Deserialize<FineTuneEvaluation>(line, Json)!;
            }
        }
    }

    /// <summary>
    /// Tells other commands how to build the network. No path, thread count or date: equal runs write equal bytes.
    /// </summary>
    public Dictionary<string, string> Metadata() => new()
    {
        [TrainSettings.MetadataKey] = SettingsJson.Write(settings.ModelSettings(data.Train.ClassCount)),
        [FineTuneSettings.MetadataKey] = SettingsJson.Write(settings.ResultOnly()),
    };

    /// <summary>Puts the report together.</summary>
    public FineTuneReport Report(IReadOnlyList<FineTuneEvaluation> history, Tally weights, Tally? average)
    {
        IReadOnlyList<string>? names = data.Train.ClassNames;
        FineTuneScore[] scores = [.. history.Select(line => new FineTuneScore(line.Evaluation, line.Top1, line.Top5))];
        return new FineTuneReport
        {
            Checkpoint = settings.Checkpoint,
            Data = data.Train.Name,
            TrainImages = data.Train.Count,
            HeldOutImages = data.HeldOut!.Count,
            Recipe = settings.Recipe,
            Views = settings.Views,
            Top1 = weights.Top1,
            Top5 = weights.Top5,
            Weights = ClassifierResult.Of(scores, weights, names),
            Average = average is null ? null : ClassifierResult.Of(
                [.. history.Select(line => new FineTuneScore(
                    line.Evaluation, line.AverageTop1 ?? 0, line.AverageTop5 ?? 0))],
                average,
                names),
            LeftOut = leftOut.All,
        };
    }

    /// <summary>Writes everything, the report last.</summary>
    /// <exception cref="Checkpoints.CheckpointException">A file cannot be written.</exception>
    public void Write(FineTuneReport report, FineTuneLearner learner)
    {
        using var scope = new StepScope();
        folder.WriteFinal(learner.Model.State(), Metadata());
        if (learner.Average is not null)
        {
            folder.WriteTensors(AverageName, learner.Average.State(), Metadata());
        }

        folder.WriteJson(ReportName, report);
    }
}
