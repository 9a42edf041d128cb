using System.Diagnostics;
using CudaViT.Training.Runs.Pretraining;

namespace CudaViT.Cli.Output;

/// <summary>
/// Progress for files and pipes: a line every ten seconds, at the end of each epoch and for each evaluation.
/// </summary>
internal sealed class PlainProgress(TextWriter output) : ITrainingProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly RunPace _pace = new();
    private long _lastLine = Stopwatch.GetTimestamp();

    public void OnPrepare(RunPreparation preparation) => Write(RunText.Preparation(preparation));

    public void OnStart(RunOverview overview)
    {
        Write(RunText.Heading(overview));
        _pace.Begin(overview);
    }

    public void OnNote(string line) => Write([line]);

    public void OnWork(string what, long done, long total)
    {
        if (Stopwatch.GetElapsedTime(_lastLine) >= Interval)
        {
            _lastLine = Stopwatch.GetTimestamp();
            output.WriteLine(RunText.Work(what, done, total));
        }
    }

    public void OnStep(StepMetrics step)
    {
        if (_pace.Add(step) is { } estimate)
        {
            Write([estimate]);
        }

        if (_pace.IsEndOfEpoch || Stopwatch.GetElapsedTime(_lastLine) >= Interval)
        {
            _lastLine = Stopwatch.GetTimestamp();
            string place = RunText.Text($"step {step.Step}/{_pace.Steps}");
            Write([$"{place}  {RunText.Step(step, _pace).Fit(int.MaxValue)}"]);
        }
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
            output.WriteLine(RunText.Printable(line));
        }
    }
}
