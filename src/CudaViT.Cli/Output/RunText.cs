using System.Globalization;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Settings;

namespace CudaViT.Cli.Output;

/// <summary>The words for what a training run reports, the same at a terminal and in a file.</summary>
internal static class RunText
{
    /// <summary>What is about to be trained, in a few lines.</summary>
    public static IEnumerable<string> Heading(RunOverview overview)
    {
        TrainSettings settings = overview.Settings;
        string parameters = Text($"{overview.Parameters:n0} parameters, {overview.TrainedParameters:n0} trained");
        string steps = Text($"{settings.Recipe.Epochs} epochs of {overview.StepsPerEpoch} steps");
        yield return $"{settings.Preset}: {overview.Data}";
        yield return Text($"{overview.TrainImages} images to train on, {overview.HeldOutImages} held out");
        yield return $"{parameters}, on {overview.Device} in {settings.Dtype}";
        yield return Text($"{steps} of {settings.Recipe.Batch} images; results in {overview.Folder}");
    }

    /// <summary>Result of an evaluation.</summary>
    public static string Evaluation(EvaluationMetrics evaluation)
    {
        string encoder = Text($"{When(evaluation),-15}  kNN accuracy {evaluation.KnnAccuracy:f4}");
        return Text($"{encoder}   raw pixels {evaluation.RawPixelAccuracy:f4}   ({evaluation.Timing.Seconds:f1} s)");
    }

    /// <summary>Loss, rate and momentum of a step, and the pace of the steps before it.</summary>
    public static string Step(StepMetrics step, Pace pace)
    {
        string loss = Text($"loss {step.Loss:f4} ({step.LossOverCollapse:p0} of collapse)");
        string schedule = Text($"lr {step.Lr:0.00e+0}  m {step.Momentum:f4}");
        return Text($"{loss}  {schedule}  {pace.ImagesPerSecond:f0} images/s  waiting {pace.WaitingShare:p0}");
    }

    /// <summary>The newest reading of the kNN monitor, to follow a step.</summary>
    public static string Monitor(MonitorMetrics monitor) => Text($"  kNN {monitor.MonitorAccuracy:f4}");

    /// <summary>How a classifier did on one class.</summary>
    public static string Class(ClassScore score)
    {
        string name = Printable(score.Name ?? Text($"class {score.Class}"));
        return Text($"  {name,-20} {score.Top1,7:f4} of {score.Images} images, precision {score.Precision,7:f4}");
    }

    /// <summary>A duration as minutes and seconds, with hours where there are any.</summary>
    public static string Duration(TimeSpan time) =>
        time.ToString(time.TotalHours >= 1 ? @"h\:mm\:ss" : @"m\:ss", CultureInfo.InvariantCulture);

    /// <summary>
    /// One line that may quote a file: line breaks become spaces, and what could command a terminal a question mark.
    /// </summary>
    public static string Printable(string text) =>
        string.Concat(text.ReplaceLineEndings(" ").Select(c => char.IsControl(c) ? '?' : c));

    /// <summary>Numbers as everywhere in the program, whatever the machine's language.</summary>
    public static string Text(FormattableString text) => FormattableString.Invariant(text);

    private static string When(EvaluationMetrics evaluation) => evaluation.Evaluation == 0
        ? "before training"
        : Text($"after epoch {evaluation.Evaluation}");
}
