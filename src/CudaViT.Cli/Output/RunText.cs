using System.Globalization;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Settings;

namespace CudaViT.Cli.Output;

/// <summary>The words for what a training run reports, the same at a terminal and in a file.</summary>
internal static class RunText
{
    /// <summary>What is about to be trained on what, in the first lines of a run.</summary>
    public static IEnumerable<string> Preparation(RunPreparation preparation)
    {
        TrainSettings settings = preparation.Settings;
        yield return $"{settings.Preset}: {preparation.Data}";
        yield return Text($"{preparation.TrainImages} images to train on, {preparation.HeldOutImages} held out");
        yield return Views(settings.Model.ImageSize, preparation.FirstImage);
        yield return Model(settings.Model);
    }

    /// <summary>The model, the device and the length of the run.</summary>
    public static IEnumerable<string> Heading(RunOverview overview)
    {
        TrainSettings settings = overview.Settings;
        string parameters = Text($"{overview.Parameters:n0} parameters, {overview.TrainedParameters:n0} trained");
        string steps = Text($"{settings.Recipe.Epochs} epochs of {overview.StepsPerEpoch} steps");
        yield return $"{parameters}, on {overview.Device} in {settings.Dtype}";
        yield return Text($"{steps} of {settings.Recipe.Batch} images; results in {overview.Folder}");
    }

    /// <summary>The network in a few words.</summary>
    public static string Model(ModelSettings model)
    {
        if (model.Architecture == Architecture.ResNet50)
        {
            return "ResNet-50";
        }

        int grid = model.ImageSize / model.Patch;
        string tokens = Text($"{grid * grid} patches of {model.Patch}x{model.Patch} pixels");
        return Text($"ViT: {tokens}, width {model.Width}, depth {model.Depth}, heads {model.Heads}");
    }

    /// <summary>Result of an evaluation.</summary>
    public static string Evaluation(EvaluationMetrics evaluation)
    {
        string encoder = Text($"{When(evaluation),-15}  kNN accuracy {evaluation.KnnAccuracy:f4}");
        return Text($"{encoder}   raw pixels {evaluation.RawPixelAccuracy:f4}   ({evaluation.Timing.Seconds:f1} s)");
    }

    /// <summary>Epoch, loss, rate and momentum of a step, and pace and time left.</summary>
    /// <param name="step">The step.</param>
    /// <param name="pace">The run, this step included.</param>
    public static ProgressLine Step(StepMetrics step, RunPace pace) => new ProgressLine()
        .Add(0, Text($"epoch {step.Epoch:f2}"))
        .Add(0, Text($"loss {step.Loss:f4}"))
        .Add(3, Text($"({step.LossOverCollapse:p0} of collapse)"))
        .Add(6, Text($"lr {step.Lr:0.00e+0}"))
        .Add(7, Text($"m {step.Momentum:f4}"))
        .Add(2, Text($"{pace.ImagesPerSecond:f0} images/s"))
        .Add(5, Text($"waiting {pace.WaitingShare:p0}"))
        .Add(4, pace.Monitor is { } monitor ? Text($"kNN {monitor.MonitorAccuracy:f4}") : "")
        .Add(1, $"left {Duration(pace.Left)}");

    /// <summary>How a classifier did on one class.</summary>
    public static string Class(ClassScore score)
    {
        string name = Printable(score.Name ?? Text($"class {score.Class}"));
        return Text($"  {name,-20} {score.Top1,7:f4} of {score.Images} images, precision {score.Precision,7:f4}");
    }

    /// <summary>How far something besides steps has come.</summary>
    public static string Work(string what, long done, long total) => Text($"{done}/{total} {what}");

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

    // What becomes of photographs is worth a word: the smallest presets leave little of them.
    private static string Views(int size, (int Height, int Width)? image)
    {
        string views = Text($"views of {size}x{size} pixels");
        if (image is not var (height, width))
        {
            return views;
        }

        double reduction = (double)Math.Min(height, width) / size;
        string change = reduction switch
        {
            > 1 => Text($"reduced {reduction:0.#} times"),
            < 1 => Text($"enlarged {1 / reduction:0.#} times"),
            _ => "not reduced",
        };
        return Text($"{views}; the first image has {width}x{height}, {change}");
    }

    private static string When(EvaluationMetrics evaluation) => evaluation.Evaluation == 0
        ? "before training"
        : Text($"after epoch {evaluation.Evaluation}");
}
