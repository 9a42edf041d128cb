using CudaViT.Training.Runs.Shared;

namespace CudaViT.Cli.Output;

/// <summary>
/// How fast a run has gone lately: over its last half minute, or its last ten steps where those took longer.
/// </summary>
internal sealed class Pace
{
    private const int FewestSteps = 10;
    private const int MostSteps = 500;
    private const int StepsBeforeEstimate = 3;

    private static readonly TimeSpan Window = TimeSpan.FromSeconds(30);

    private readonly Queue<StepTiming> _steps = new();
    private int _added;
    private double _evaluation; // seconds of the last one

    /// <summary>Images per second.</summary>
    public double ImagesPerSecond => _steps.Sum(Images) / Seconds;

    /// <summary>Share of the time spent waiting for data.</summary>
    public double WaitingShare => _steps.Sum(step => step.Milliseconds * step.WaitingShare) / 1000 / Seconds;

    /// <summary>
    /// Whether the step that was added last is the one that allows a first estimate of the whole run.
    /// </summary>
    public bool IsFirstEstimate => _added == StepsBeforeEstimate;

    private double Seconds => _steps.Sum(step => step.Milliseconds) / 1000;

    /// <summary>Takes a step into account.</summary>
    public void Add(StepTiming timing)
    {
        if (++_added == 2)
        {
            _steps.Clear(); // the first step also compiled and allocated: no other is like it
        }

        _steps.Enqueue(timing);
        while (_steps.Count > MostSteps || (_steps.Count > FewestSteps && IsBeyondWindow()))
        {
            _steps.Dequeue();
        }
    }

    /// <summary>Takes an evaluation into account: those to come will take as long.</summary>
    /// <param name="seconds">Its duration.</param>
    public void AddEvaluation(double seconds) => _evaluation = seconds;

    /// <summary>Time that the rest of a run will take.</summary>
    /// <param name="steps">Steps to come.</param>
    /// <param name="evaluations">Evaluations to come.</param>
    public TimeSpan For(long steps, long evaluations) =>
        TimeSpan.FromSeconds((Seconds / _steps.Count * steps) + (_evaluation * evaluations));

    private static double Images(StepTiming step) => step.Milliseconds / 1000 * step.ImagesPerSecond;

    // Without the oldest step there would still be enough.
    private bool IsBeyondWindow() => Seconds - (_steps.Peek().Milliseconds / 1000) >= Window.TotalSeconds;
}
