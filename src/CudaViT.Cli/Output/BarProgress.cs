using CudaViT.Training.Runs.Pretraining;
using Spectre.Console;

namespace CudaViT.Cli.Output;

/// <summary>Progress for people at a terminal: a bar that moves, and lasting lines above it.</summary>
internal sealed class BarProgress(IAnsiConsole console, ProgressContext context) : ITrainingProgress
{
    private readonly Pace _pace = new();
    private RunOverview? _overview;
    private string _monitor = "";
    private ProgressTask? _bar;

    /// <summary>Runs <paramref name="train"/> under a bar.</summary>
    public static TrainingResult Show(IAnsiConsole console, Func<ITrainingProgress, TrainingResult> train) => console
        .Progress()
        .AutoClear(true)
        .Columns(new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new TaskDescriptionColumn())
        .Start(context => train(new BarProgress(console, context)));

    public void OnStart(RunOverview overview)
    {
        _overview = overview;
        foreach (string line in RunText.Heading(overview))
        {
            console.WriteLine(RunText.Printable(line));
        }

        _bar = context.AddTask("starting", maxValue: overview.Steps);
        _bar.Value = overview.StepsDone;
    }

    public void OnNote(string line) => console.WriteLine(RunText.Printable(line));

    public void OnStep(StepMetrics step)
    {
        _pace.Add(step.Timing);
        _bar!.Value = step.Step;
        string left = RunText.Duration(_pace.For(_overview!.Steps - step.Step));
        string text = RunText.Text($"epoch {step.Epoch:f1}  {RunText.Step(step, _pace)}{_monitor}  left {left}");
        _bar.Description = text.EscapeMarkup();
    }

    public void OnMonitor(MonitorMetrics monitor) => _monitor = RunText.Monitor(monitor);

    public void OnEvaluation(EvaluationMetrics evaluation) => console.WriteLine(RunText.Evaluation(evaluation));
}
