using CudaViT.Training.Runs.Pretraining;

namespace CudaViT.Training.Tests.Support;

/// <summary>Keeps what a run reports, and lets a test act on every step.</summary>
/// <param name="onStep">Called after each step.</param>
/// <param name="onWork">Called with what is done besides steps, for each batch of it.</param>
internal sealed class SilentProgress(Action<StepMetrics>? onStep = null, Action<string>? onWork = null)
    : ITrainingProgress
{
    public List<string> Notes { get; } = [];

    public List<MonitorMetrics> Monitor { get; } = [];

    public RunOverview? Overview { get; private set; }

    public RunPreparation? Preparation { get; private set; }

    public void OnPrepare(RunPreparation preparation) => Preparation = preparation;

    public void OnStart(RunOverview overview) => Overview = overview;

    public void OnNote(string line) => Notes.Add(line);

    public void OnStep(StepMetrics step) => onStep?.Invoke(step);

    public void OnWork(string what, long done, long total) => onWork?.Invoke(what);

    public void OnMonitor(MonitorMetrics monitor) => Monitor.Add(monitor);

    public void OnEvaluation(EvaluationMetrics evaluation)
    {
    }
}
