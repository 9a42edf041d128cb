using System.Text.Json;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;

namespace CudaViT.Training.Tests;

[Trait("Category", "Fixtures")]
public sealed class ModelTrajectoryFixtureTests
{
    // The README's measure of what separates rounding from mistakes, for what has no tolerance of its own.
    private const double RobustRatio = 0.02;

    // Its other one: every deliberate mistake moves the loss by more.
    private const double RobustRelative = 1e-3;

    public static TheoryData<string, string, DType> Cases => ModelFixture.Cases;

    [Theory, MemberData(nameof(Cases))]
    public void AdamW_trajectory_agrees_to_the_last_tensor(string backend, string name, DType dtype) =>
        Run(backend, name, "adamw", dtype);

    [Theory, MemberData(nameof(Cases))]
    public void Lars_trajectory_agrees_to_the_last_tensor(string backend, string name, DType dtype) =>
        Run(backend, name, "lars", dtype);

    private static void Run(string backend, string name, string rule, DType dtype)
    {
        var fixture = new ModelFixture(name);
        Recording expected = fixture.Read(rule);
        JsonElement settings = fixture.Config.GetProperty(rule);
        JsonElement tolerances = fixture.Tolerances.GetProperty(rule);
        using TestRun run = Backends.Open(backend);
        bool freeze = fixture.Config.GetProperty("stop_grad_conv1_in_trajectories").GetBoolean();
        MoCoV3 model = fixture.Build(run.Backend, dtype, freeze);
        Optimizer optimizer = CreateOptimizer(rule, settings, model);

        double rateSum = 0;
        for (int step = 0; step < settings.GetProperty("steps").GetInt32(); step++)
        {
            rateSum += Step(fixture, expected, tolerances, model, optimizer, settings, step, dtype);
        }

        CheckState(expected, model, dtype, tolerances.GetProperty("final_state_tensors"), rateSum);
        CheckOptimizer(expected, optimizer, dtype);
        if (expected.Contains("again.loss"))
        {
            CheckAgain(fixture, expected, model, tolerances, dtype);
        }
    }

    private static Optimizer CreateOptimizer(string rule, JsonElement settings, MoCoV3 model)
    {
        IReadOnlyList<ParameterGroup> groups =
            ParameterGroup.Of(model.Parameters(), settings.GetProperty("wd").GetDouble());
        if (rule == "lars")
        {
            return new Lars(
                groups,
                settings.GetProperty("momentum").GetDouble(),
                settings.GetProperty("trust_coefficient").GetDouble());
        }

        JsonElement betas = settings.GetProperty("betas");
        return new AdamW(groups, betas[0].GetDouble(), betas[1].GetDouble(), settings.GetProperty("eps").GetDouble());
    }

    private static double Step(
        ModelFixture fixture, Recording expected, JsonElement tolerances, MoCoV3 model, Optimizer optimizer,
        JsonElement settings, int step, DType dtype)
    {
        double Setting(string property) => settings.GetProperty(property).GetDouble();
        double epoch = step / settings.GetProperty("iters").GetInt32()
            + (step % settings.GetProperty("iters").GetInt32() / Setting("iters"));
        double peak = Schedules.ScaledRate(Setting("lr"), fixture.Config.GetProperty("batch").GetInt32());
        double rate = Schedules.WarmupCosine(epoch, peak, Setting("warmup"), Setting("epochs"));
        double momentum = Schedules.EncoderMomentum(
            epoch, Setting("m"), Setting("epochs"), settings.GetProperty("m_cos").GetBoolean());
        Assert.Equal(expected["lr"][step], rate, 1e-12);
        Assert.Equal(expected["m"][step], momentum, 1e-12);

        using var scope = new StepScope();
        IBackend backend = model.Parameters().First().Value.Backend;
        optimizer.ZeroGrad();
        Tensor loss = model.Loss(
            fixture.View(backend, dtype, step, 0), fixture.View(backend, dtype, step, 1), momentum).Loss;
        loss.Backward();
        double norm = GradientNorms.Of([new ParameterSet("all", [.. model.Parameters()])])[0]!.Value;
        bool isExact = dtype == DType.F64;
        double lossBound = isExact
            ? ModelAssert.Exact
            : tolerances.GetProperty("suggested_float32_loss_atol")[step].GetDouble();
        ModelAssert.Within([expected["loss"][step]], [loss.Data.Item()], $"loss of step {step}", lossBound);
        ModelAssert.Within(
            [expected["grad_norm"][step]], [norm], $"gradient norm of step {step}",
            (isExact ? ModelAssert.Exact : RobustRelative) * Math.Max(1, expected["grad_norm"][step]));
        optimizer.Step(rate);
        return rate;
    }

    private static void CheckState(
        Recording expected, MoCoV3 model, DType dtype, JsonElement tolerances, double rateSum)
    {
        var state = model.State().ToDictionary(entry => entry.Name, entry => entry.Array.ToDoubles());
        foreach ((string recorded, string name) in expected.Under("state."))
        {
            double[] actual = state[name];
            if (name.EndsWith("num_batches_tracked", StringComparison.Ordinal))
            {
                Assert.Equal(expected[recorded], actual);
                continue;
            }

            foreach ((string part, Range range) in ModelParts.OfState(name, actual.Length))
            {
                ReadOnlySpan<double> values = expected[recorded].AsSpan(range);
                bool isZero = ModelParts.IsExactlyZero(name, part);
                if (dtype == DType.F64)
                {
                    double stored = expected.IsRounded(recorded) ? 1e-6 * values.ToArray().Max(Math.Abs) : 0;
                    ModelAssert.Within(
                        values, actual.AsSpan(range), name + part,
                        (isZero ? ModelAssert.ExactZeroGroup : ModelAssert.Exact) + stored);
                }
                else if (isZero)
                {
                    // AdamW moves by about the learning rate whatever the size of a gradient.
                    ModelAssert.Within(values, actual.AsSpan(range), name + part, rateSum);
                }
                else
                {
                    JsonElement tolerance = tolerances.GetProperty(name + part);
                    ModelAssert.Within(
                        values, actual.AsSpan(range), name + part,
                        tolerance.GetProperty("suggested_float32_max_atol").GetDouble(),
                        tolerance.GetProperty("suggested_float32_rms_atol").GetDouble());
                }
            }
        }
    }

    private static void CheckOptimizer(Recording expected, Optimizer optimizer, DType dtype)
    {
        var state = optimizer.State().ToDictionary(entry => entry.Name, entry => entry.Array.ToDoubles());
        foreach ((string kind, string suffix) in new[] { ("exp_avg", "m"), ("exp_avg_sq", "v"), ("mu", "mu") })
        {
            foreach ((string recorded, string name) in expected.Under($"opt.{kind}."))
            {
                double[] actual = state[$"opt.{name}.{suffix}"];
                if (dtype == DType.F64)
                {
                    ModelAssert.Float64(expected, recorded, actual);
                }
                else
                {
                    double rms = RobustRatio * ModelAssert.Rms(expected[recorded]);
                    ModelAssert.Within(expected[recorded], actual, recorded, double.MaxValue, rms);
                }
            }
        }
    }

    // One more forward pass, from the recorded values: here the two encoders differ.
    private static void CheckAgain(
        ModelFixture fixture, Recording expected, MoCoV3 model, JsonElement tolerances, DType dtype)
    {
        IBackend backend = model.Parameters().First().Value.Backend;
        Dictionary<string, NdArray> stored = expected.Arrays(backend, "state.", dtype);
        foreach (NamedArray own in model.State())
        {
            stored.TryAdd(own.Name, own.Array); // where only some are recorded, the run's own values go on
        }

        model.Load(stored);
        int batch = fixture.Config.GetProperty("again_batch").GetInt32();
        MoCoOutput output = model.Loss(
            fixture.View(backend, dtype, batch, 0), fixture.View(backend, dtype, batch, 1),
            fixture.Config.GetProperty("again_m").GetDouble());

        ModelStepFixtureTests.CheckOutput(
            expected, "again.", output, dtype, tolerances.GetProperty("again_max_abs_err_float32"),
            fixture.ForwardLossBound);
        var state = model.State().ToDictionary(entry => entry.Name, entry => entry.Array.ToDoubles());
        foreach ((string recorded, string name) in expected.Under("again.after."))
        {
            double bound = dtype == DType.F64
                ? ModelAssert.Exact
                : tolerances.GetProperty("final_state_tensors").GetProperty(name)
                    .GetProperty("suggested_float32_max_atol").GetDouble();
            ModelAssert.Within(expected[recorded], state[name], recorded, bound);
        }
    }
}
