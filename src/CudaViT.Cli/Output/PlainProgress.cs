using System.Diagnostics;
using CudaViT.Training.Runs.Pretraining;

namespace CudaViT.Cli.Output;

/// <summary>
/// Progress for files and pipes: a line every ten seconds, at the end of each epoch and for each evaluation.
/// </summary>
internal sealed class PlainProgress(TextWriter output) : ITrainingProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Pace _pace = new();
    private RunOverview? _overview;
    private string _monitor = "";
    private long _lastLine = Stopwatch.GetTimestamp();

    public void OnStart(RunOverview overview)
    {
        _overview = overview;
        foreach (string line in RunText.Heading(overview))
        {
            output.WriteLine(line);
        }
    }

    public void OnNote(string line) => output.WriteLine(RunText.Printable(line));

    public void OnStep(StepMetrics step)
    {
        _pace.Add(step.Timing);
        bool isEndOfEpoch = step.Step % _overview!.StepsPerEpoch == 0;
        if (isEndOfEpoch || Stopwatch.GetElapsedTime(_lastLine) >= Interval)
        {
            _lastLine = Stopwatch.GetTimestamp();
            string left = RunText.Duration(_pace.For(_overview.Steps - step.Step));
            string place = RunText.Text($"step {step.Step}/{_overview.Steps}  epoch {step.Epoch:f2}");
            output.WriteLine($"{place}  {RunText.Step(step, _pace)}{_monitor}  left {left}");
        }
    }

    public void OnMonitor(MonitorMetrics monitor) => _monitor = RunText.Monitor(monitor);

    public void OnEvaluation(EvaluationMetrics evaluation) => output.WriteLine(RunText.Evaluation(evaluation));
}
