using System.Diagnostics;

namespace CudaViT.Benchmarks;

/// <summary>Measures stages over all images.</summary>
/// <param name="countsProcessorTime">Whether to count the processor time of the process instead of wall time.</param>
internal sealed class StageClock(bool countsProcessorTime)
{
    /// <summary>Seconds for one image, on the average over all of them, once or for as long as it takes.</summary>
    public double Seconds(AugmentStage stage, int images, TimeSpan atLeast)
    {
        TimeSpan start = Now();
        for (int repeats = 1; ; repeats++)
        {
            for (int image = 0; image < images; image++)
            {
                stage.Run(image);
            }

            TimeSpan elapsed = Now() - start;
            if (elapsed >= atLeast)
            {
                return elapsed.TotalSeconds / (repeats * images);
            }
        }
    }

    private TimeSpan Now() => countsProcessorTime ? Environment.CpuUsage.TotalTime : Stopwatch.GetElapsedTime(0);
}
