using System.Diagnostics;

namespace CudaViT.Training.Runs.Shared;

/// <summary>Measures a step, or an evaluation.</summary>
/// <param name="waited">How long the run was kept waiting for data before, all steps together.</param>
internal readonly struct RunClock(TimeSpan waited)
{
    private readonly long _start = Stopwatch.GetTimestamp();

    /// <summary>Duration so far.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);

    /// <summary>What a step took that ends now.</summary>
    /// <param name="images">Images of its batch.</param>
    /// <param name="waitedNow">How long the run was kept waiting for data, this step included.</param>
    public StepTiming Step(int images, TimeSpan waitedNow)
    {
        TimeSpan elapsed = Elapsed;
        return new StepTiming(elapsed.TotalMilliseconds, images / elapsed.TotalSeconds, (waitedNow - waited) / elapsed);
    }
}

/// <summary>What the clock says about a step.</summary>
/// <param name="Milliseconds">Duration of the step, waiting included.</param>
/// <param name="ImagesPerSecond">Images (not views) of the batch over that duration.</param>
/// <param name="WaitingShare">Part of the duration spent waiting for data, 0 to 1.</param>
public sealed record StepTiming(double Milliseconds, double ImagesPerSecond, double WaitingShare);

/// <summary>What the clock says about an evaluation.</summary>
/// <param name="Seconds">Duration of feature extraction and vote.</param>
public sealed record EvaluationTiming(double Seconds);
