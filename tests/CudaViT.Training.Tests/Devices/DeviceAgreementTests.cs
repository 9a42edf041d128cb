using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;

namespace CudaViT.Training.Tests.Devices;

/// <summary>
/// The same training on different devices: the same numbers up to rounding, and the same bits on each.
/// </summary>
public sealed class DeviceAgreementTests
{
    private const double Rate = 1e-3;

    /// <remarks>
    /// How far rounding carries is measured, not guessed: on the CPU, parameters that start one rounding apart drift
    /// apart, step by step, by the model's own sensitivity. A device that sums up to K terms in another order makes
    /// 8·√K times such an error (see <see cref="Tolerance"/>).
    /// </remarks>
    [Theory, MemberData(nameof(ModelFixture.Cases), MemberType = typeof(ModelFixture))]
    public void Many_steps_agree_with_the_cpu(string backend, string name, DType dtype)
    {
        var fixture = new ModelFixture(name);
        int steps = backend == Backends.Cuda ? 200 : 20;
        double[] expected = Losses(Backends.Cpu, fixture, dtype, steps);
        double[][] apart =
            [.. Enumerable.Range(1, 3).Select(seed => Losses(Backends.Cpu, fixture, dtype, steps, seed))];
        double[] actual = Losses(backend, fixture, dtype, steps);

        double terms = 8 * Math.Sqrt(fixture.LongestSum);
        double drift = 0;
        for (int step = 0; step < steps; step++)
        {
            drift = Math.Max(drift, apart.Max(losses => Math.Abs(losses[step] - expected[step])));
            double bound = terms * (drift + (dtype.UnitRoundoff() * Math.Abs(expected[step])));
            double error = Math.Abs(actual[step] - expected[step]);
            Assert.True(
                error <= bound,
                $"step {step}: {actual[step]:r} on {backend}, {expected[step]:r} on cpu: error {error:e2}, "
                + $"bound {bound:e2}");
        }
    }

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void A_run_repeats_bit_for_bit(string backend)
    {
        var fixture = new ModelFixture(ModelFixture.Names[0]);
        Assert.Equal(Bits(), Bits());

        byte[] Bits()
        {
            using TestRun run = Backends.Open(backend);
            MoCoV3 model = fixture.Build(run.Backend, DType.F32, freezePatch: true);
            model.ComputeType = DType.BF16;
            var optimizer = new AdamW(ParameterGroup.Of(model.Parameters(), weightDecay: 0.1));
            for (int step = 0; step < 3; step++)
            {
                Step(fixture, model, optimizer, DType.F32, step);
            }

            return [.. model.State().Concat(optimizer.State()).SelectMany(entry => HostBytes(entry.Array))];
        }
    }

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void A_state_moves_between_devices_bit_for_bit(string backend)
    {
        var fixture = new ModelFixture(ModelFixture.Names[0]);
        using TestRun there = Backends.Open(backend);
        MoCoV3 model = fixture.Build(there.Backend, DType.F32, freezePatch: true);
        var optimizer = new AdamW(ParameterGroup.Of(model.Parameters(), weightDecay: 0.1));
        Step(fixture, model, optimizer, DType.F32, 0);

        using TestRun here = Backends.Open(Backends.Cpu);
        MoCoV3 moved = fixture.Build(here.Backend, DType.F32, freezePatch: true);
        moved.Load(model.State().ToDictionary(
            entry => entry.Name,
            entry => NdArray.FromDoubles(here.Backend, entry.Array.ToDoubles(), entry.Array.Shape, entry.Array.DType)));

        Assert.All(
            model.State().Zip(moved.State()),
            pair => Assert.Equal(HostBytes(pair.First.Array), HostBytes(pair.Second.Array)));
    }

    private static double[] Losses(
        string backend, ModelFixture fixture, DType dtype, int steps, int? perturbation = null)
    {
        using TestRun run = Backends.Open(backend);
        MoCoV3 model = fixture.Build(run.Backend, dtype, freezePatch: true);
        if (perturbation is { } seed)
        {
            Perturb(model, dtype, seed);
        }

        var optimizer = new AdamW(ParameterGroup.Of(model.Parameters(), weightDecay: 0.1));
        return [.. Enumerable.Range(0, steps).Select(step => Step(fixture, model, optimizer, dtype, step))];
    }

    private static double Step(ModelFixture fixture, MoCoV3 model, AdamW optimizer, DType dtype, int step)
    {
        using var scope = new StepScope();
        IBackend backend = model.Parameters().First().Value.Backend;
        Tensor loss = model.Loss(
            fixture.View(backend, dtype, step, 0), fixture.View(backend, dtype, step, 1), momentum: 0.99).Loss;
        loss.Backward();
        optimizer.Step(Rate);
        optimizer.ZeroGrad();
        return loss.Data.Item();
    }

    // Each value moves up or down by one rounding of its own size.
    private static void Perturb(MoCoV3 model, DType dtype, int seed)
    {
        var random = new Random(seed);
        foreach (Parameter parameter in model.Parameters())
        {
            NdArray data = parameter.Value.Data;
            double[] values = Array.ConvertAll(
                data.ToDoubles(), v => v * (1 + ((random.Next(2) == 0 ? 2 : -2) * dtype.UnitRoundoff())));
            data.Backend.Copy(NdArray.FromDoubles(data.Backend, values, data.Shape, data.DType), data);
        }
    }

    private static byte[] HostBytes(NdArray array)
    {
        byte[] bytes = new byte[array.SizeInBytes];
        array.Backend.CopyToHost(array, bytes);
        return bytes;
    }
}
