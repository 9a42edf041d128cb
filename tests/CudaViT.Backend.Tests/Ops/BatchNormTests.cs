using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class BatchNormTests
{
    private const double Epsilon = 1e-3;

    // Rows, channels, spatial size (0: a matrix), groups. The smallest batch; one channel; a width past one tile of 256
    // and not a multiple of any vector; more rows than one block; two and three groups, the second with blocks of
    // uneven size; so many rows that blocks grow; images of one pixel, of odd size, and with planes longer than a tile;
    // several blocks of images in each group.
    public static TheoryData<string, DType, int, int, int, int> Cases => Backends.Cross(
        (2, 3, 0, 1),
        (7, 1, 0, 1),
        (5, 259, 0, 1),
        (70, 257, 0, 1),
        (8, 6, 0, 2),
        (5000, 4, 0, 1),
        (10002, 3, 0, 3),
        (40000, 1, 0, 1),
        (2, 2, 1, 1),
        (3, 4, 5, 1),
        (4, 2, 19, 2),
        (70, 2, 11, 2));

    [Theory, MemberData(nameof(Cases))]
    public void Training_agrees_with_the_double_reference(
        string backend, DType dtype, int rows, int channels, int side, int groups)
    {
        using TestRun run = Backends.Open(backend);
        Setup setup = new(run, dtype, rows, channels, side);
        int values = rows / groups * setup.Spatial;
        double[] mean = setup.Mean();
        double[] variance = setup.Variance();

        Tensor y = setup.Apply(training: true, groups);
        y.Backward(setup.Dy);

        double[] expected = Reference.BatchNormTraining(
            setup.X.Data.ToDoubles(), rows, channels, setup.Spatial, groups, setup.Weight.Data.ToDoubles(),
            setup.Bias.Data.ToDoubles(), mean, variance, momentum: 0.25, Epsilon);
        var tolerance = Tolerance.For(dtype, reduced: values);
        TensorAssert.Close(expected, y, tolerance);
        Tolerance statistics = Tolerance.For(dtype.Accumulator(), reduced: values);
        TensorAssert.Close(mean, setup.Statistics.RunningMean, statistics.At(1), "running mean");
        TensorAssert.Close(variance, setup.Statistics.RunningVariance, statistics, "running variance");
        Assert.Equal(groups, setup.Statistics.BatchCount);

        (double[] dx, double[] dWeight, double[] dBias) = Reference.BatchNormTrainingBackward(
            setup.Dy.ToDoubles(), setup.X.Data.ToDoubles(), rows, channels, setup.Spatial, groups,
            setup.Weight.Data.ToDoubles(), Epsilon);
        TensorAssert.Close(dx, setup.X.Grad, tolerance.Times(2).At(setup.LargestSlope(groups)), "dx");
        TensorAssert.Close(
            dWeight, setup.Weight.Grad, tolerance.At(Math.Sqrt((double)rows * setup.Spatial)), "dWeight");
        TensorAssert.Close(dBias, setup.Bias.Grad, tolerance.At(Math.Sqrt((double)rows * setup.Spatial)), "dBias");
    }

    [Theory, MemberData(nameof(Cases))]
    public void Evaluation_agrees_with_the_double_reference(
        string backend, DType dtype, int rows, int channels, int side, int groups)
    {
        using TestRun run = Backends.Open(backend);
        Setup setup = new(run, dtype, rows, channels, side);
        double[] mean = setup.Mean();
        double[] variance = setup.Variance();

        Tensor y = setup.Apply(training: false, groups);
        y.Backward(setup.Dy);

        double[] expected = Reference.BatchNormEvaluation(
            setup.X.Data.ToDoubles(), rows, channels, setup.Spatial, setup.Weight.Data.ToDoubles(),
            setup.Bias.Data.ToDoubles(), mean, variance, Epsilon);
        (double[] dx, double[] dWeight, double[] dBias) = Reference.BatchNormEvaluationBackward(
            setup.Dy.ToDoubles(), setup.X.Data.ToDoubles(), rows, channels, setup.Spatial,
            setup.Weight.Data.ToDoubles(), mean, variance, Epsilon);
        double sums = Math.Sqrt((double)rows * setup.Spatial);
        TensorAssert.Close(expected, y, Tolerance.For(dtype));
        TensorAssert.Close(dx, setup.X.Grad, Tolerance.For(dtype), "dx");
        TensorAssert.Close(dWeight, setup.Weight.Grad, Tolerance.For(dtype, rows * setup.Spatial).At(sums), "dWeight");
        TensorAssert.Close(dBias, setup.Bias.Grad, Tolerance.For(dtype, rows * setup.Spatial).At(sums), "dBias");
        Assert.Equal(mean, setup.Mean());
        Assert.Equal(variance, setup.Variance());
        Assert.Equal(0, setup.Statistics.BatchCount);
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void A_large_mean_costs_no_digits(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);

        // Exact in every type, BF16 included: whole numbers of 8 bits with a spread of a few.
        double[] values = [.. Enumerable.Range(0, 64 * 3).Select(i => 200.0 + (i * 7 % 5))];
        Tensor x = run.Leaf(values, [64, 3], dtype);
        BatchNormStatistics statistics = new(run.Backend, 3, dtype);

        Tensor y = BatchNorm.Apply(x, null, null, statistics, training: true);

        double[] expected = Reference.BatchNormTraining(
            values, 64, 3, 1, 1, null, null, new double[3], new double[3], 0.1, epsilon: 1e-5);

        // The mean is rounded once, at its own size: 200 / spread times the unit roundoff.
        TensorAssert.Close(expected, y, Tolerance.For(dtype, reduced: 64).At(10));
    }

    // Half a million times the spread: the mean itself is rounded at up to a fifth of the deviation, and the variance
    // is right only if it is freed of that.
    [Theory]
    [MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void The_variance_does_not_feel_how_the_mean_was_rounded(string backend)
    {
        using TestRun run = Backends.Open(backend);
        foreach ((DType dtype, int bits) in new[] { (DType.F32, 19), (DType.F64, 48) })
        {
            // The means of parts of a batch are rounded at their size, and what is between them is squared.
            double rounding = Math.ScaleB(dtype.UnitRoundoff(), bits);
            double bound = (rounding * rounding) + Tolerance.For(dtype, reduced: 700).Relative;

            // Multiples of 1/16, which both types hold at this size exactly.
            double[] deviations = [.. Enumerable.Range(0, 1400).Select(i => (i * 37 % 29 / 16.0) + (i % 3 / 16.0))];
            double[] values = [.. deviations.Select(d => Math.ScaleB(1, bits) + d)];
            foreach (Shape shape in (Shape[])[[700, 2], [7, 2, 10, 10]])
            {
                Tensor x = run.Leaf(values, shape, dtype);
                BatchNormStatistics statistics = new(run.Backend, 2, dtype);
                Tensor y = shape.Rank == 2
                    ? BatchNorm.Apply(x, null, null, statistics, training: true, momentum: 1)
                    : BatchNorm2d.Apply(x, null, null, statistics, training: true, momentum: 1);

                int spatial = (int)shape.CountFrom(2);
                for (int channel = 0; channel < 2; channel++)
                {
                    double[] own = [.. deviations.Where((_, i) => i / spatial % 2 == channel)];
                    double mean = own.Average();
                    double variance = own.Sum(d => (d - mean) * (d - mean)) / (own.Length - 1);
                    TensorAssert.Within(
                        [variance], statistics.RunningVariance.Rows(channel, channel + 1), bound,
                        $"variance of {shape}, channel {channel}");

                    double[] results = [.. y.Data.ToDoubles().Where((_, i) => i / spatial % 2 == channel)];
                    double middle = results.Average();
                    double spread = results.Sum(v => (v - middle) * (v - middle)) / (own.Length - 1);
                    double biased = variance * (own.Length - 1) / own.Length;
                    Assert.Equal(variance / (biased + 1e-5), spread, bound / variance);
                }
            }
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck_in_every_mode(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([6, 5], DType.F64, seed: 1);
        Tensor images = run.Normal([4, 3, 2, 3], DType.F64, seed: 2);
        BatchNormStatistics five = new(run.Backend, 5, DType.F64);
        BatchNormStatistics three = new(run.Backend, 3, DType.F64);
        Tensor[] affine = [x, run.Normal([5], DType.F64, seed: 3), run.Normal([5], DType.F64, seed: 4)];
        Tensor[] affine2d = [images, run.Normal([3], DType.F64, seed: 5), run.Normal([3], DType.F64, seed: 6)];

        GradCheck.Run(t => BatchNorm.Apply(t[0], t[1], t[2], five, training: true), affine);
        GradCheck.Run(t => BatchNorm.Apply(t[0], t[1], t[2], five, training: true, groups: 2), affine);
        GradCheck.Run(t => BatchNorm.Apply(t[0], t[1], t[2], five, training: false), affine);
        GradCheck.Run(t => BatchNorm.Apply(t, null, null, five, training: true), x);
        GradCheck.Run(t => BatchNorm.Apply(t, null, null, five, training: false), x);
        GradCheck.Run(t => BatchNorm2d.Apply(t[0], t[1], t[2], three, training: true, groups: 2), affine2d);
        GradCheck.Run(t => BatchNorm2d.Apply(t[0], t[1], t[2], three, training: false), affine2d);
        GradCheck.Run(t => BatchNorm2d.Apply(t, null, null, three, training: true), images);
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Groups_are_calls_of_their_own(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([12, 33], dtype, seed: 1);
        BatchNormStatistics together = new(run.Backend, 33, dtype);
        BatchNormStatistics apart = new(run.Backend, 33, dtype);

        NdArray y = BatchNorm.Apply(x, null, null, together, training: true, groups: 3).Data;

        for (int group = 0; group < 3; group++)
        {
            Tensor rows = new(x.Data.Rows(4 * group, 4 * (group + 1)));
            Tensor part = BatchNorm.Apply(rows, null, null, apart, training: true);
            TensorAssert.SameBits(part.Data, y.Rows(4 * group, 4 * (group + 1)), $"group {group}");
        }

        TensorAssert.SameBits(apart.RunningMean, together.RunningMean, "running mean");
        TensorAssert.SameBits(apart.RunningVariance, together.RunningVariance, "running variance");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Training_between_forward_and_backward_leaves_an_evaluation_gradient_alone(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([4, 3], DType.F64, seed: 1);
        BatchNormStatistics statistics = new(run.Backend, 3, DType.F64);

        Tensor y = BatchNorm.Apply(x, null, null, statistics, training: false, epsilon: 3);
        BatchNorm.Apply(x.Detach(), null, null, statistics, training: true);
        y.Backward(NdArray.Full(run.Backend, [4, 3], DType.F64, 1));

        TensorAssert.Close([.. Enumerable.Repeat(0.5, 12)], x.Grad, Tolerance.For(DType.F64)); // 1 / √(1 + 3)
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void No_rows_are_evaluated_to_no_rows(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([0, 3], dtype, seed: 1);
        Tensor weight = run.Normal([3], dtype, seed: 2);
        Tensor bias = run.Normal([3], dtype, seed: 3);

        Tensor y = BatchNorm.Apply(x, weight, bias, new(run.Backend, 3, dtype), training: false);
        y.Backward(run.Array([], [0, 3], dtype));

        Assert.Equal([0, 3], y.Shape);
        Assert.Equal([0.0, 0, 0], weight.Grad!.ToDoubles());
        Assert.Equal([0.0, 0, 0], bias.Grad!.ToDoubles());
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([6, 3], DType.F32, seed: 1);
        Tensor scale = run.Normal([3], DType.F32, seed: 2);
        BatchNormStatistics statistics = new(run.Backend, 3);

        Throws("[2, 3, 3]", () => BatchNorm.Apply(x.Reshape(2, 3, 3), null, null, statistics, true));
        Throws("[6, 3]", () => BatchNorm2d.Apply(x, null, null, statistics, true));
        Throws("only the weight", () => BatchNorm.Apply(x, scale, null, statistics, true));
        Throws("weight must have shape [3]", () => BatchNorm.Apply(x, scale.Reshape(1, 3), scale, statistics, true));
        Throws("F64[3]", () => BatchNorm.Apply(x.Cast(DType.F64), null, null, statistics, true));
        Throws("F32[4]", () => BatchNorm.Apply(x, null, null, new(run.Backend, 4), true));
        Throws("4 groups", () => BatchNorm.Apply(x, null, null, statistics, true, groups: 4));
        Throws("at least two values", () => BatchNorm.Apply(x, null, null, statistics, true, groups: 6));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => BatchNorm.Apply(x, null, null, statistics, true, momentum: 1.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => BatchNorm.Apply(x, null, null, statistics, true, epsilon: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => BatchNorm.Apply(x, null, null, statistics, true, groups: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchNormStatistics(run.Backend, 0));
        Assert.Equal(0, statistics.BatchCount);
    }

    private static void Throws(string part, Action call) =>
        Assert.Contains(part, Assert.Throws<ArgumentException>(call).Message, StringComparison.Ordinal);

    /// <summary>Inputs of one case; side 0 makes a matrix, anything else square images.</summary>
    private sealed class Setup
    {
        public Setup(TestRun run, DType dtype, int rows, int channels, int side)
        {
            Shape shape = side == 0 ? [rows, channels] : [rows, channels, side, side];
            Spatial = side == 0 ? 1 : side * side;
            X = run.Normal(shape, dtype, seed: 1, scale: 2, shift: 0.5);
            Weight = run.Normal([channels], dtype, seed: 2);
            Bias = run.Normal([channels], dtype, seed: 3);
            Dy = run.Normal(shape, dtype, seed: 4).Data;
            Statistics = new BatchNormStatistics(run.Backend, channels, dtype);
            NdArray mean = run.Normal([channels], dtype.Accumulator(), seed: 5).Data;
            NdArray variance = run.Uniform([channels], dtype.Accumulator(), seed: 6, low: 0.5, high: 2).Data;
            run.Backend.Copy(mean, Statistics.RunningMean);
            run.Backend.Copy(variance, Statistics.RunningVariance);
        }

        public Tensor X { get; }

        public Tensor Weight { get; }

        public Tensor Bias { get; }

        public NdArray Dy { get; }

        public BatchNormStatistics Statistics { get; }

        public int Spatial { get; }

        public Tensor Apply(bool training, int groups) => X.Shape.Rank == 2
            ? BatchNorm.Apply(X, Weight, Bias, Statistics, training, momentum: 0.25, Epsilon, groups)
            : BatchNorm2d.Apply(X, Weight, Bias, Statistics, training, momentum: 0.25, Epsilon, groups);

        public double[] Mean() => Statistics.RunningMean.ToDoubles();

        public double[] Variance() => Statistics.RunningVariance.ToDoubles();

        /// <summary>
        /// Largest |w|·r of any channel and group: the size of the terms that cancel in dx, for dy of order one.
        /// </summary>
        public double LargestSlope(int groups) =>
            Weight.Data.ToDoubles().Max(Math.Abs) / Math.Sqrt(Reference.SmallestBatchVariance(
                X.Data.ToDoubles(), X.Shape[0], X.Shape[1], Spatial, groups, Epsilon));
    }
}
