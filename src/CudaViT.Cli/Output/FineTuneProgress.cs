using CudaViT.Core;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Cli.Output;

/// <summary>The words for what a fine-tuning run reports, the same at a terminal and in a file.</summary>
/// <param name="progress">Shows them.</param>
internal sealed class FineTuneProgress(IWorkProgress progress) : IFineTuneProgress
{
    private long _steps;
    private double _share;

    public void OnNote(string line) => progress.OnLine(line);

    public void OnStart(FineTuneOverview overview)
    {
        _steps = overview.Steps;
        FineTuneSettings settings = overview.Settings;
        FineTuneRecipe recipe = settings.Recipe;
        string steps = RunText.Text(
            $"{recipe.Epochs} epochs of {overview.StepsPerEpoch} steps of {recipe.Batch} images");
        string images = RunText.Text($"{overview.TrainImages} images of {overview.Classes} classes to train on");
        progress.OnLine($"{settings.Preset}: {overview.Data}, from {settings.Checkpoint}");
        progress.OnLine(RunText.Text($"{images}, {overview.HeldOutImages} held out"));
        progress.OnLine(RunText.Model(settings.Pretraining.Model));
        progress.OnLine(RunText.Text(
            $"{overview.TrainedParameters:n0} parameters, on {overview.Device} in {settings.Dtype}"));
        progress.OnLine($"{steps}; results in {overview.Folder}");
    }

    public void OnWork(string what, long done, long total) =>
        progress.OnAdvance(_share, RunText.Work(what, done, total));

    public void OnStep(FineTuneStepMetrics step)
    {
        string place = RunText.Text($"step {step.Step}/{_steps}  epoch {step.Epoch:f2}");
        string speed = RunText.Text(
            $"{step.Timing.ImagesPerSecond:f0} images/s  waiting {step.Timing.WaitingShare:p0}");
        _share = (double)step.Step / _steps;
        progress.OnAdvance(_share, RunText.Text($"{place}  loss {step.Loss:f4}  lr {step.Lr:0.00e+0}  {speed}"));
    }

    public void OnEvaluation(FineTuneEvaluation evaluation)
    {
        string average = evaluation.AverageTop1 is { } top1
            ? RunText.Text($"   average top-1 {top1:f4}  top-5 {evaluation.AverageTop5:f4}")
            : "";
        string scores = RunText.Text($"top-1 {evaluation.Top1:f4}  top-5 {evaluation.Top5:f4}{average}");
        progress.OnLine(RunText.Text(
            $"after epoch {evaluation.Evaluation,-4} {scores}   ({evaluation.Timing.Seconds:f1} s)"));
    }
}
