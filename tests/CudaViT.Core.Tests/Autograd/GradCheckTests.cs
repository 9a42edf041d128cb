using CudaViT.TestKit;

namespace CudaViT.Core.Tests;

/// <summary>The judge is judged: faults are planted, and each must be found and called what it is.</summary>
[Trait("Category", "GradCheck")]
public sealed class GradCheckTests
{
    [Fact]
    public void A_right_gradient_passes()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Normal([3, 4], DType.F64, seed: 1);
        double[] before = x.Data.ToDoubles();

        GradCheckReport report = GradCheck.Examine(
            t => Custom.Multiply(Custom.Map(t[0], Math.Exp, Math.Exp), t[1]), x,
            run.Normal([3, 4], DType.F64, seed: 2));

        Assert.Equal(GradCheckVerdict.Pass, report.Verdict);
        Assert.Equal(24, report.Elements);
        Assert.All(report.Worst, element => Assert.True(element.ErrorOverBound <= 1, $"{element}"));
        Assert.Equal(before, x.Data.ToDoubles());
        Assert.Null(x.Grad);
    }

    // Values over six orders of magnitude: a step or bound that fits only order one would fail here.
    [Fact]
    public void Large_and_small_inputs_pass()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1e3, -1e-3, 17, 1, 0], [5], DType.F64);
        GradCheck.Run(t => Custom.Map(t, v => v * v * v, v => 3 * v * v), x);
        GradCheck.Run(
            t => Custom.Map(t, v => 1e6 * Math.Sin(v), v => 1e6 * Math.Cos(v)), run.Leaf([17, 1e-3], [2], DType.F64));
    }

    [Fact]
    public void A_wrong_sign_is_found() => IsWrong(v => v * v, v => -2 * v);

    [Fact]
    public void A_forgotten_term_is_found() => IsWrong(v => v * Math.Exp(v), v => v * Math.Exp(v));

    [Fact]
    public void A_factor_of_1_001_is_found() => IsWrong(v => Math.Sin(3 * v), v => 1.001 * 3 * Math.Cos(3 * v));

    [Fact]
    public void A_part_in_a_million_is_found() => IsWrong(Math.Exp, v => (1 + 1e-6) * Math.Exp(v));

    [Fact]
    public void A_gradient_of_zero_is_found() => IsWrong(Math.Exp, _ => 0);

    [Fact]
    public void A_NaN_in_the_gradient_is_found() => IsWrong(v => v * v, v => v > 0 ? double.NaN : 2 * v);

    [Fact]
    public void A_NaN_in_the_result_is_found() => IsWrong(v => v > 1 ? double.NaN : v, _ => 1);

    [Fact]
    public void An_infinite_gradient_is_found() => IsWrong(v => v * v, _ => double.PositiveInfinity);

    // The logarithm is not defined a step to the left of these, and near zero it bends more than the first step bears.
    [Theory]
    [InlineData(4e-6)]
    [InlineData(2e-8)]
    [InlineData(3e-15)]
    public void The_step_shrinks_until_both_sides_are_finite(double x)
    {
        using TestRun run = Backends.Open("cpu");
        Tensor leaf = run.Leaf([x, 0.5], [2], DType.F64);

        GradCheck.Run(t => Custom.Map(t, Math.Log, v => 1 / v), leaf);
        GradCheck.Run(t => Custom.Map(t, Math.Sqrt, v => 0.5 / Math.Sqrt(v)), leaf);
        GradCheckReport report = GradCheck.Examine(
            t => Custom.Map(t[0], Math.Log, v => (v < 0.1 ? 1 + 1e-5 : 1) / v), leaf);

        Assert.Equal(GradCheckVerdict.Wrong, report.Verdict);
        Assert.Equal([0], report.Worst[0].Index);
        Assert.Equal(GradCheckVerdict.Pass, report.Worst[1].Verdict);
    }

    // At the edge of its domain no step is small enough.
    [Fact]
    public void A_function_that_ends_at_the_element_is_wrong_there() => IsWrong(v => Math.Sqrt(v - 0.9), _ => 1);

    // Backward drops the second element, whose gradient is small beside that of the first, or whose results are.
    [Theory]
    [InlineData(1, 3e-9, 1e-6)]
    [InlineData(1e-3, 1e-12, 1e-6)]
    [InlineData(2e6, 5e-7, 1e-2)]
    public void A_small_element_is_held_against_its_own_size(double large, double small, double error)
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([0.7, -1.3], [2], DType.F64);
        Tensor Scaled(Tensor[] t, double share) => Custom.Apply(
            "Scaled", Custom.Zip(t[0].Data, run.Array([large, small], [2], DType.F64), (v, factor) => v * factor), t,
            dy => [Custom.Zip(dy, run.Array([large, share * small], [2], DType.F64), (g, factor) => g * factor)]);

        GradCheckReport right = GradCheck.Examine(t => Scaled(t, 1), x);
        GradCheckReport dropped = GradCheck.Examine(t => Scaled(t, 0), x);
        GradCheckReport nearly = GradCheck.Examine(t => Scaled(t, 1 + error), x);

        Assert.True(right.Verdict == GradCheckVerdict.Pass, $"{right}");
        Assert.Equal((GradCheckVerdict.Wrong, 1), (dropped.Verdict, dropped.Worst[0].Index[0]));
        Assert.Equal((GradCheckVerdict.Wrong, 1), (nearly.Verdict, nearly.Worst[0].Index[0]));
    }

    // What no difference can show is not called wrong: e^-45 beside 1 in both results of a softmax.
    [Fact]
    public void An_element_below_the_rounding_of_the_results_passes()
    {
        using TestRun run = Backends.Open("cpu");
        static double[] Softmax(double[] v) => [1 / (1 + Math.Exp(v[1] - v[0])), 1 / (1 + Math.Exp(v[0] - v[1]))];
        Tensor x = run.Leaf([3, -42], [2], DType.F64);

        GradCheck.Run(
            t => Custom.Apply(
                "Softmax", run.Array(Softmax(t.Data.ToDoubles()), [2], DType.F64), [t],
                dy =>
                {
                    double[] y = Softmax(t.Data.ToDoubles());
                    double[] g = dy.ToDoubles();
                    double common = (g[0] * y[0]) + (g[1] * y[1]);
                    return [run.Array([y[0] * (g[0] - common), y[1] * (g[1] - common)], [2], DType.F64)];
                }),
            x);
    }

    // The function rounds at 2^-39 on its way, which its results do not tell; a part in a thousand is still found.
    [Fact]
    public void Rounding_on_the_way_is_measured()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Normal([20], DType.F64, seed: 3);

        GradCheck.Run(t => Custom.Map(t, v => v + 1e4 - 1e4, _ => 1), x);
        GradCheckReport report = GradCheck.Examine(t => Custom.Map(t[0], v => v + 1e4 - 1e4, _ => 1.001), x);

        Assert.Equal(GradCheckVerdict.Wrong, report.Verdict);
    }

    [Fact]
    public void Comparing_nothing_is_no_pass()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor empty = run.Leaf([], [0, 3], DType.F64);
        Tensor x = run.Normal([3], DType.F64, seed: 1);

        GradCheckReport report = GradCheck.Examine(t => Custom.Square(t[0]), empty);
        var error = Assert.Throws<GradCheckException>(() => GradCheck.Run(
            t => Custom.Apply("Rows", t.Data.Rows(0, 0), [t], dy => [run.Array([0, 0, 0], [3], DType.F64)]), x));

        Assert.Equal((GradCheckVerdict.NothingCompared, 0), (report.Verdict, report.Elements));
        Assert.Equal(
            "Gradient check: NothingCompared, 0 elements compared: the inputs have no elements",
            new GradCheckException(report).Message);
        Assert.Contains("the result has no elements", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_broadcast_sum_is_found()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor b = run.Normal([3], DType.F64, seed: 1);

        // b stands in every one of four rows, but only the first row's gradient comes back.
        GradCheckReport report = GradCheck.Examine(
            t => Custom.Apply(
                "Repeat",
                NdArray.FromDoubles(
                    run.Backend, [.. Enumerable.Repeat(t[0].Data.ToDoubles(), 4).SelectMany(v => v)], [4, 3],
                    DType.F64),
                t,
                dy => [dy.Rows(0, 1).Reshape(3)]),
            b);

        Assert.Equal(GradCheckVerdict.Wrong, report.Verdict);
    }

    [Fact]
    public void A_missing_gradient_is_found()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Normal([3], DType.F64, seed: 1);
        Tensor y = run.Normal([3], DType.F64, seed: 2);

        GradCheckReport report = GradCheck.Examine(
            t => Custom.Apply("Half", Custom.Zip(t[0].Data, t[1].Data, (a, b) => a + b), t, dy => [dy, null]), x, y);

        Assert.Equal(GradCheckVerdict.Wrong, report.Verdict);
        Assert.Contains("input 1", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_result_that_changes_from_call_to_call_is_not_repeatable()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Normal([3], DType.F64, seed: 1);
        int calls = 0;

        GradCheckReport report = GradCheck.Examine(
            t => { calls++; return Custom.Map(t[0], v => v + (1e-15 * calls), _ => 1); }, x);

        Assert.Equal(GradCheckVerdict.NotRepeatable, report.Verdict);
        Assert.Contains("forward", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_gradient_that_changes_from_call_to_call_is_not_repeatable()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Normal([3], DType.F64, seed: 1);
        int calls = 0;

        GradCheckReport report = GradCheck.Examine(
            t => Custom.Map(t[0], v => v, _ => { calls++; return 1 + (1e-15 * calls); }), x);

        Assert.Equal(GradCheckVerdict.NotRepeatable, report.Verdict);
        Assert.Contains("input 0", report.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kink_within_a_step_is_called_one()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, GradCheck.Step / 5, -1], [3], DType.F64);

        GradCheckReport report = GradCheck.Examine(t => Custom.Map(t[0], v => Math.Max(v, 0), v => v > 0 ? 1 : 0), x);

        Assert.Equal(GradCheckVerdict.AtKink, report.Verdict);
        Assert.Equal([1], report.Worst[0].Index);
        Assert.All(report.Worst.Skip(1), element => Assert.Equal(GradCheckVerdict.Pass, element.Verdict));
    }

    // A kink elsewhere must not excuse a wrong gradient.
    [Fact]
    public void A_wrong_element_outweighs_a_kink()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([GradCheck.Step / 5, 2, -1], [3], DType.F64);

        GradCheckReport report = GradCheck.Examine(t => Custom.Map(t[0], Math.Abs, v => v > 1 ? 2 : Math.Sign(v)), x);

        Assert.Equal(GradCheckVerdict.Wrong, report.Verdict);
        Assert.Equal([1], report.Worst[0].Index);
        Assert.Equal(GradCheckVerdict.AtKink, report.Worst[1].Verdict);
    }

    [Fact]
    public void The_worst_element_is_reported_with_its_input_index_and_values()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Normal([2, 3], DType.F64, seed: 1);
        Tensor y = run.Normal([2, 3], DType.F64, seed: 2);

        // Of input 1 the element [1, 2] is wrong by 0.5 and [0, 1] by 0.001.
        Tensor Faulty(Tensor[] t) => Custom.Apply(
            "Faulty", Custom.Zip(t[0].Data, t[1].Data, (a, b) => a + b), t,
            dy =>
            {
                double[] gradient = dy.ToDoubles();
                gradient[5] += 0.5;
                gradient[1] += 0.001;
                return [dy, NdArray.FromDoubles(dy.Backend, gradient, dy.Shape, dy.DType)];
            });

        GradCheckReport report = GradCheck.Examine(Faulty, x, y);
        GradCheckException error = Assert.Throws<GradCheckException>(() => GradCheck.Run(Faulty, x, y));

        GradCheckElement worst = report.Worst[0];
        Assert.Equal(1, worst.Input);
        Assert.Equal([1, 2], worst.Index);
        Assert.Equal(0.5, worst.Analytic - worst.Numeric, 1e-6);
        Assert.True(worst.ErrorOverBound > 1e5, $"{worst}");
        Assert.Equal([0, 1], report.Worst[1].Index);
        Assert.Equal(GradCheckVerdict.Pass, report.Worst[2].Verdict);
        Assert.Equal(GradCheckVerdict.Wrong, error.Report!.Verdict);
        Assert.Contains("input 1 at [1, 2]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_types_than_F64_and_no_inputs_are_refused()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor single = run.Normal([3], DType.F32, seed: 1);

        Assert.Contains(
            "F32", Assert.Throws<ArgumentException>(() => GradCheck.Run(Custom.Square, single)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => GradCheck.Examine(_ => single));
    }

    private static void IsWrong(Func<double, double> f, Func<double, double> derivative)
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([0.3, -0.7, 1.9, 0.9], [2, 2], DType.F64);

        GradCheckReport report = GradCheck.Examine(t => Custom.Map(t[0], f, derivative), x);

        Assert.True(report.Verdict == GradCheckVerdict.Wrong, report.ToString());
    }
}
