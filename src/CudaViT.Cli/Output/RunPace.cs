using CudaViT.Training.Runs.Pretraining;

namespace CudaViT.Cli.Output;

/// <summary>Where a pre-training run is, how fast it goes, and what is left of it.</summary>
internal sealed class RunPace
{
    private readonly Pace _pace = new();
    private RunOverview? _overview;
    private long _step;

    /// <summary>Images per second, lately.</summary>
    public double ImagesPerSecond => _pace.ImagesPerSecond;

    /// <summary>Share of the time spent waiting for data, lately.</summary>
    public double WaitingShare => _pace.WaitingShare;

    /// <summary>Steps of the whole run.</summary>
    public long Steps => _overview!.Steps;

    /// <summary>Whether the newest step was the last one of its epoch.</summary>
    public bool IsEndOfEpoch => _step % _overview!.StepsPerEpoch == 0;

    /// <summary>Time that the rest of the run will take.</summary>
    public TimeSpan Left => _pace.For(Steps - _step, EvaluationsLeft);

    /// <summary>The newest reading of the kNN monitor; null before the first.</summary>
    public MonitorMetrics? Monitor { get; private set; }

    private long EvaluationsLeft => _overview!.HeldOutImages == 0
        ? 0
        : (Steps - _step + _overview.StepsPerEpoch - 1) / _overview.StepsPerEpoch;

    /// <summary>The run begins, or goes on.</summary>
    public void Begin(RunOverview overview) => (_overview, _step) = (overview, overview.StepsDone);

    /// <summary>Takes a step into account.</summary>
    /// <returns>After the third one, a line about the length of the run; else null.</returns>
    public string? Add(StepMetrics step)
    {
        _step = step.Step;
        _pace.Add(step.Timing);
        if (!_pace.IsFirstEstimate || _step == Steps)
        {
            return null;
        }

        string steps = Count(Steps - _step, "step");
        string work = EvaluationsLeft > 0 ? $"{steps} and {Count(EvaluationsLeft, "evaluation")}" : steps;
        return $"about {RunText.Duration(Left)} to go for {work}, as fast as the first ones";
    }

    /// <summary>Takes an evaluation into account: those to come will take as long.</summary>
    public void Add(EvaluationMetrics evaluation) => _pace.AddEvaluation(evaluation.Timing.Seconds);

    /// <summary>Takes a reading of the monitor into account.</summary>
    public void Add(MonitorMetrics monitor) => Monitor = monitor;

    private static string Count(long count, string what) => RunText.Text($"{count} {what}{(count == 1 ? "" : "s")}");
}
