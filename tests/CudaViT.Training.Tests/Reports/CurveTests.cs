using CudaViT.Training.Reports.Charts;
using CudaViT.Training.Reports.Runs;

namespace CudaViT.Training.Tests.Reports;

public sealed class CurveTests
{
    [Fact]
    public void A_million_measurements_are_a_few_hundred_points_and_no_extreme_is_lost()
    {
        var curve = new Curve();
        const int Count = 1_000_000;
        double sum = 0;
        for (int i = 0; i < Count; i++)
        {
            double value = i == 654_321 ? 50 : i == 123_456 ? -40 : Math.Sin(i);
            sum += value;
            curve.Add(i, value);
        }

        IReadOnlyList<CurvePoint> points = curve.Points();
        Assert.InRange(points.Count, Curve.MaxPoints / 2, Curve.MaxPoints);
        CurvePoint highest = points.MaxBy(point => point.High);
        Assert.Equal(50, highest.High);
        Assert.InRange(highest.X, 654_321 - 1500, 654_321 + 1500);
        Assert.Equal(-40, points.Min(point => point.Low));
        Assert.True(points.Zip(points.Skip(1)).All(pair => pair.First.X < pair.Second.X));
        Assert.Equal(Count, curve.Count);
        Assert.Equal(sum / Count, points.Take(points.Count - 1).Average(point => point.Y), 1e-2);
    }

    [Fact]
    public void Smoothing_keeps_levels_and_flattens_noise()
    {
        var level = new Curve();
        var noise = new Curve();
        for (int i = 0; i < 500; i++)
        {
            level.Add(i, 7);
            noise.Add(i, i % 2);
        }

        Assert.All(level.Smoothed(), point => Assert.Equal(7, point.Y, 1e-12));
        Assert.All(noise.Smoothed().Skip(20).SkipLast(20), point => Assert.Equal(0.5, point.Y, 0.01));
        Assert.All(noise.Smoothed(), point => Assert.True(point.Low == point.High)); // the measurement stays beside it
    }

    [Fact]
    public void What_is_no_number_is_left_out()
    {
        var curve = new Curve();
        curve.Add(1, null);
        curve.Add(2, double.NaN);
        curve.Add(3, double.PositiveInfinity);
        curve.Add(4, 1);
        Assert.Equal(new CurvePoint(4, 1, 1, 1), Assert.Single(curve.Points()));
    }

    [Fact]
    public void A_running_median_is_the_median_of_the_newest_values()
    {
        var random = new Random(1);
        var median = new RunningMedian();
        var values = new List<double>();
        for (int i = 0; i < 400; i++)
        {
            Assert.Equal(i < RunningMedian.Least, median.Value is null);
            if (median.Value is { } value)
            {
                double[] newest = [.. values.TakeLast(RunningMedian.Window).Order()];
                int middle = newest.Length / 2;
                Assert.Equal(
                    newest.Length % 2 == 1 ? newest[middle] : (newest[middle - 1] + newest[middle]) / 2, value);
            }

            values.Add(random.Next(30)); // with ties
            median.Add(values[^1]);
        }
    }

    [Fact]
    public void Spikes_are_found_where_they_begin_and_where_they_are_highest()
    {
        var finder = new SpikeFinder("part");
        for (int step = 1; step <= 300; step++)
        {
            double norm = step switch { 100 => 3.5, 101 => 8, 105 => 4, 200 => 2.9, 250 => 100, _ => 1 };
            finder.Add(step, norm);
        }

        Assert.Equal(2, finder.Count);
        Assert.Equal(
            [new GradientSpike("part", 100, 101, 8), new GradientSpike("part", 250, 250, 100)], finder.Spikes());
    }

    // A norm that grows and stays is no spike for longer than the median takes to follow.
    [Fact]
    public void A_new_level_is_one_spike()
    {
        var finder = new SpikeFinder("part");
        for (int step = 1; step <= 1000; step++)
        {
            finder.Add(step, step < 500 ? 1 : 10);
        }

        Assert.Equal(1, finder.Count);
        Assert.Equal(1, finder.Ratios.Last);
    }

    [Theory]
    [InlineData(0, 1, "0 0.2 0.4 0.6 0.8 1.0")]
    [InlineData(3.1, 3.9, "3.0 3.2 3.4 3.6 3.8 4.0")]
    [InlineData(0, 46_000, "0 10k 20k 30k 40k 50k")]
    [InlineData(0, 4.1e-4, "0 1e-4 2e-4 3e-4 4e-4 5e-4")]
    public void Linear_axes_have_round_marks(double low, double high, string expected)
    {
        Assert.Equal(expected, string.Join(' ', Axis.Linear(low, high, ticks: 5).Ticks().Select(tick => tick.Text)));
    }

    [Fact]
    public void One_value_is_a_range_too()
    {
        var axis = Axis.Linear(5, 5, ticks: 5);
        Assert.Contains(axis.Ticks(), tick => tick.Value == 5);
        Assert.True(axis.High > axis.Low);
    }

    [Theory]
    [InlineData(0.002, 300, "0.01 0.1 1 10 100")]
    [InlineData(0.3, 4, "0.5 1 2")]
    public void Logarithmic_axes_have_powers_of_ten_or_parts_of_them(double low, double high, string expected)
    {
        var axis = Axis.Log(low, high);
        Assert.Equal(expected, string.Join(' ', axis.Ticks().Select(tick => tick.Text)));
        Assert.Equal(0.5, axis.Place(Math.Sqrt(low * high)), 1e-12);
    }
}
