using CudaViT.Training.Runs.Pretraining;
using Spectre.Console;

namespace CudaViT.Cli.Output;

/// <summary>Progress for people at a terminal: a bar that moves, and lasting lines above it.</summary>
internal sealed class BarProgress(IAnsiConsole console, ProgressContext context) : ITrainingProgress
{
    private readonly RunPace _pace = new();
    private ProgressTask? _bar;

    /// <summary>Runs <paramref name="train"/> under a bar.</summary>
    public static TrainingResult Show(IAnsiConsole console, Func<ITrainingProgress, TrainingResult> train) =>
        Terminal.WithBar(console, context => train(new BarProgress(console, context)));

    public void OnPrepare(RunPreparation preparation) => Write(RunText.Preparation(preparation));

    public void OnStart(RunOverview overview)
    {
        Write(RunText.Heading(overview));
        _pace.Begin(overview);
        _bar = context.AddTask("starting", maxValue: overview.Steps);
        _bar.Value = overview.StepsDone;
    }

    public void OnNote(string line) => Write([line]);

    public void OnWork(string what, long done, long total)
    {
        if (_bar is not null)
        {
            _bar.Description = WorkProgress
                .Fit(RunText.Work(what, done, total), left: "", Terminal.TextWidth(console)).EscapeMarkup();
        }
    }

    public void OnStep(StepMetrics step)
    {
        if (_pace.Add(step) is { } estimate)
        {
            Write([estimate]);
        }

        _bar!.Value = step.Step;
        string text = RunText.Step(step, _pace).Fit(Terminal.TextWidth(console));
        _bar.Description = text.EscapeMarkup();
    }

    public void OnMonitor(MonitorMetrics monitor) => _pace.Add(monitor);

    public void OnEvaluation(EvaluationMetrics evaluation)
    {
        _pace.Add(evaluation);
        Write([RunText.Evaluation(evaluation)]);
    }

    private void Write(IEnumerable<string> lines)
    {
        foreach (string line in lines)
        {
            console.WriteLine(RunText.Printable(line));
        }
    }
}
