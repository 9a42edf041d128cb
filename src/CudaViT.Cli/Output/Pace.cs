using CudaViT.Training.Runs.Shared;

namespace CudaViT.Cli.Output;

/// <summary>How fast the last steps went.</summary>
internal sealed class Pace
{
    // Weight of the newest step: the figure settles within about twenty steps and does not jump.
    private const double NewestWeight = 0.1;

    private double _milliseconds;
    private double _waiting; // milliseconds
    private double _images;
    private double _weight;

    /// <summary>Images per second.</summary>
    public double ImagesPerSecond => 1000 * _images / _milliseconds;

    /// <summary>Share of the time spent waiting for data.</summary>
    public double WaitingShare => _waiting / _milliseconds;

    /// <summary>Takes a step into account.</summary>
    public void Add(StepTiming timing)
    {
        Move(ref _milliseconds, timing.Milliseconds);
        Move(ref _waiting, timing.Milliseconds * timing.WaitingShare);
        Move(ref _images, timing.Milliseconds * timing.ImagesPerSecond / 1000);
        Move(ref _weight, 1);
    }

    /// <summary>Time that more steps will take.</summary>
    public TimeSpan For(long steps) => TimeSpan.FromMilliseconds(_milliseconds / _weight * steps);

    private static void Move(ref double average, double value) =>
        average = ((1 - NewestWeight) * average) + (NewestWeight * value);
}
