using System.Diagnostics;
using CudaViT.Cli.Output;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Tests.Cli;

public sealed class PaceTests
{
    private const int Batch = 20;

    [Fact]
    public void The_first_step_counts_until_there_is_a_second_one()
    {
        var pace = new Pace();
        pace.Add(Step(5000));
        Assert.Equal(4, pace.ImagesPerSecond, 1e-9);
        pace.Add(Step(100));
        Assert.Equal(200, pace.ImagesPerSecond, 1e-9);
        Assert.Equal(TimeSpan.FromSeconds(1), pace.For(steps: 10, evaluations: 0));
    }

    // 40 slow steps of a second, then fast ones of a tenth: after half a minute of those the slow ones are forgotten.
    [Fact]
    public void The_pace_is_that_of_the_last_half_minute()
    {
        var pace = new Pace();
        Repeat(pace, 40, 1000);
        Assert.Equal(20, pace.ImagesPerSecond, 1e-9);
        Repeat(pace, 100, 100);
        Assert.InRange(pace.ImagesPerSecond, 60, 110); // ten seconds fast, twenty seconds slow
        Repeat(pace, 200, 100);
        Assert.Equal(200, pace.ImagesPerSecond, 1e-9);
        Assert.Equal(TimeSpan.FromSeconds(5), pace.For(steps: 50, evaluations: 0));
    }

    [Fact]
    public void Steps_that_take_minutes_are_averaged_over_ten()
    {
        var pace = new Pace();
        Repeat(pace, 30, 60_000);
        Repeat(pace, 9, 120_000);
        Assert.Equal(TimeSpan.FromSeconds(114), pace.For(steps: 1, evaluations: 0)); // nine of 120 s and one of 60 s
    }

    [Fact]
    public void Evaluations_to_come_take_as_long_as_the_last_one()
    {
        var pace = new Pace();
        Repeat(pace, 5, 1000);
        pace.AddEvaluation(60);
        pace.AddEvaluation(20);
        Assert.Equal(TimeSpan.FromSeconds(7 + 40), pace.For(steps: 7, evaluations: 2));
    }

    [Fact]
    public void Waiting_is_weighed_by_time_and_the_third_step_allows_an_estimate()
    {
        var pace = new Pace();
        bool[] isFirst = new bool[5];
        for (int i = 0; i < 5; i++)
        {
            pace.Add(new StepTiming(i % 2 == 0 ? 1000 : 3000, 1, i % 2 == 0 ? 0 : 1));
            isFirst[i] = pace.IsFirstEstimate;
        }

        Assert.Equal([false, false, true, false, false], isFirst);
        Assert.Equal(0.75, pace.WaitingShare, 1e-9); // steps 2 to 5: 6 of 8 seconds
    }

    [Fact]
    public void Time_left_follows_the_last_half_minute_of_any_work()
    {
        var left = new TimeLeft();
        Assert.Null(left.After(0.5, At(0))); // a run that goes on begins in the middle
        Assert.Equal(40, left.After(0.6, At(10))!.Value.TotalSeconds, 1e-6);
        for (int second = 20; second <= 60; second += 10)
        {
            left.After(0.6 + ((second - 10) * 0.001), At(second)); // ten times slower
        }

        Assert.Equal(340, left.After(0.66, At(70))!.Value.TotalSeconds, 1e-6);
        Assert.Null(left.After(0.1, At(80))); // other work
        Assert.Equal(80, left.After(0.2, At(90))!.Value.TotalSeconds, 1e-6);
    }

    private static long At(int seconds) => seconds * Stopwatch.Frequency;

    private static void Repeat(Pace pace, int count, double milliseconds)
    {
        for (int i = 0; i < count; i++)
        {
            pace.Add(Step(milliseconds));
        }
    }

    private static StepTiming Step(double milliseconds) => new(milliseconds, Batch / milliseconds * 1000, 0);
}
