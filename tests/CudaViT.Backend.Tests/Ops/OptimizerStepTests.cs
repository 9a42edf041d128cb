using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>The steps of the optimizers on lists of parameters, against double loops over single elements.</summary>
public sealed class OptimizerStepTests
{
    private const double Rate = 0.03;
    private const double Decay = 0.2;

    // A scalar, none, less than a pack, packs and a rest, just below, at and above a block of 4,096, several blocks.
    private static readonly int[] Counts = [1, 0, 3, 1000, 4095, 4096, 4097, 20_003];

    /// <summary>The update of one element in step t; r is the ratio of norms where there is one.</summary>
    private delegate (double P, double First, double Second, double Step) Rule(
        double p, double g, double u, double v, double r, long t);

    public static TheoryData<string, string> Cases
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string backend in Backends.Names)
            {
                Array.ForEach(["adamw", "lamb", "lars", "sgd"], rule => data.Add(backend, rule));
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Parameters_and_state_agree_with_the_double_reference(string backend, string rule)
    {
        using TestRun run = Backends.Open(backend);

        // Both types in one list, and every third parameter inside a larger array, where no pack is aligned.
        OptimizerSlot[] slots = [.. Counts.SelectMany((count, i) => (OptimizerSlot[])
            [
                Slot(run, count, DType.F32, seed: 10 * i, shift: i % 3 == 0 ? 1 : 0),
                Slot(run, count, DType.F64, seed: (10 * i) + 5, shift: i % 3 == 1 ? 1 : 0),
            ])];

        for (long step = 1; step <= 2; step++)
        {
            Expected[] expected = [.. slots.Select(slot => Reference(rule, slot, step))];

            Apply(rule, slots, step);

            for (int i = 0; i < slots.Length; i++)
            {
                // Norms are sums in double precision whatever the type, and their error is one of the step.
                DType dtype = slots[i].Parameter.DType;
                Tolerance tolerance = Tolerance.For(dtype, reduced: dtype == DType.F64 ? slots[i].Parameter.Count : 8);
                string name = $"in step {step}";
                TensorAssert.Close(expected[i].Parameter, slots[i].Parameter, tolerance, $"parameter {name}");
                TensorAssert.Close(expected[i].First, slots[i].First, tolerance, $"first state {name}");
                TensorAssert.Close(expected[i].Second, slots[i].Second!, tolerance, $"second state {name}");
            }
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void A_norm_of_zero_leaves_the_step_unscaled(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray zeros = NdArray.Zeros(run.Backend, [5], DType.F64);
        NdArray gradient = run.Normal([5], DType.F64, seed: 1).Data;
        NdArray momentum = NdArray.Zeros(run.Backend, [5], DType.F64);

        LarsStep.Apply(
            [new OptimizerSlot(zeros, gradient, momentum)], Rate, momentum: 0.9, Decay, trustCoefficient: 0.001);

        TensorAssert.Close([.. gradient.ToDoubles().Select(g => -Rate * g)], zeros, Tolerance.For(DType.F64));
        TensorAssert.SameBits(gradient, momentum);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Averages_of_both_types_move_in_one_call(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray[] averages = [run.Normal([4097], DType.F64, 1).Data, run.Normal([33], DType.F32, 2).Data];
        NdArray[] sources = [run.Normal([4097], DType.F64, 3).Data, run.Normal([33], DType.F32, 4).Data];
        double[][] expected = [.. averages.Zip(sources, (average, source) =>
            average.ToDoubles().Zip(source.ToDoubles(), (slow, fast) => slow + (0.25 * (fast - slow))).ToArray())];

        EmaStep.Apply(averages, sources, momentum: 0.75);

        TensorAssert.Close(expected[0], averages[0], Tolerance.For(DType.F64));
        TensorAssert.Close(expected[1], averages[1], Tolerance.For(DType.F32));
    }

    private static void Apply(string rule, OptimizerSlot[] slots, long step)
    {
        var settings = new AdamSettings(Rate, Decay, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, step);
        switch (rule)
        {
            case "adamw":
                AdamWStep.Apply(slots, settings);
                break;
            case "lamb":
                LambStep.Apply(slots, settings);
                break;
            case "lars":
                LarsStep.Apply(slots, Rate, momentum: 0.9, Decay, trustCoefficient: 0.5);
                break;
            default:
                SgdStep.Apply(slots, Rate, momentum: 0.9, Decay);
                break;
        }
    }

    private static Expected Reference(string rule, OptimizerSlot slot, long step)
    {
        (double[] p, double[] g) = (slot.Parameter.ToDoubles(), slot.Gradient.ToDoubles());
        (double[] u, double[] v) = (slot.First.ToDoubles(), slot.Second!.ToDoubles());
        Rule update = rule switch
        {
            "adamw" => AdamW,
            "lamb" => Lamb,
            "lars" => Lars,
            _ => Sgd,
        };

        double stepNorm = Math.Sqrt(p.Select((_, i) => update(p[i], g[i], u[i], v[i], 1, step).Step).Sum(w => w * w));
        double ratio = Math.Sqrt(p.Sum(pi => pi * pi)) / stepNorm;
        var results = p.Select((_, i) => update(p[i], g[i], u[i], v[i], ratio, step)).ToArray();
        return new Expected(
            [.. results.Select(r => r.P)], [.. results.Select(r => r.First)], [.. results.Select(r => r.Second)]);
    }

    private static (double P, double First, double Second, double Step) AdamW(
        double p, double g, double u, double v, double r, long t)
    {
        (double first, double second, double direction) = Adam(g, u, v, t);
        return (((1 - (Rate * Decay)) * p) - (Rate * direction), first, second, 0);
    }

    private static (double P, double First, double Second, double Step) Lamb(
        double p, double g, double u, double v, double r, long t)
    {
        (double first, double second, double direction) = Adam(g, u, v, t);
        double step = direction + (Decay * p);
        return (p - (Rate * r * step), first, second, step);
    }

    private static (double P, double First, double Second, double Step) Lars(
        double p, double g, double u, double v, double r, long t)
    {
        double step = g + (Decay * p);
        double first = (0.9 * u) + (0.5 * r * step);
        return (p - (Rate * first), first, v, step);
    }

    private static (double P, double First, double Second, double Step) Sgd(
        double p, double g, double u, double v, double r, long t)
    {
        double first = (0.9 * u) + g + (Decay * p);
        return (p - (Rate * first), first, v, 0);
    }

    private static (double First, double Second, double Direction) Adam(double g, double u, double v, long step)
    {
        double first = (0.9 * u) + (0.1 * g);
        double second = (0.99 * v) + (0.01 * g * g);
        return (
            first, second,
            first / (1 - Math.Pow(0.9, step)) / (Math.Sqrt(second / (1 - Math.Pow(0.99, step))) + 1e-3));
    }

    private static OptimizerSlot Slot(TestRun run, int count, DType dtype, int seed, int shift)
    {
        NdArray Part(int number, bool positive)
        {
            double[] values = Values.Normal(count + shift, seed + number);
            NdArray whole = run.Array(positive ? [.. values.Select(Math.Abs)] : values, [count + shift], dtype);
            return whole.Rows(shift, count + shift);
        }

        return new OptimizerSlot(Part(1, false), Part(2, false), Part(3, false), Part(4, true));
    }

    private sealed record Expected(double[] Parameter, double[] First, double[] Second);
}
