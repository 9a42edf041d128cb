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
