using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Devices;

/// <summary>Whole runs, from image files to checkpoints, on every device.</summary>
public sealed class DeviceRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TrainSettings _settings;

    public DeviceRunTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings.WithEpochs(2) with { Data = new DataSettings { Path = _folder["data"] } };
    }

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void A_run_that_was_stopped_goes_on_with_the_same_bits(string backend)
    {
        IBackend device = Backends.Get(backend);
        Assert.True(Train("whole", device).IsComplete);
        Assert.False(Train("stopped", device, stopAfter: 4).IsComplete);
        Assert.True(Train("stopped", device).IsComplete);
        RunContent.AssertSame(_folder["whole"], _folder["stopped"]);
    }

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void A_run_begun_on_the_cpu_ends_on_a_device_and_the_other_way_round(string backend)
    {
        AssertMoves("there", Backends.Cpu, backend);
        AssertMoves("back", backend, Backends.Cpu);
    }

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void Memory_is_flat(string backend)
    {
        using IBackend device = Backends.New(backend);
        var live = new List<long>();
        var pooled = new List<long>();
        Train("a", device, step: _ =>
        {
            live.Add(device.Memory.LiveBytes);
            pooled.Add(device.Memory.PooledBytes);
        });
        Assert.Equal(live[2], live[^1]);

        // The pictures of the first checkpoint ask for blocks that no step needs; before and after them nothing
        // changes.
        Assert.Equal(pooled[2], pooled[TinyRun.StepsPerEpoch - 1]);
        Assert.Equal(pooled[TinyRun.StepsPerEpoch], pooled[^1]);
        Assert.Equal(0, device.Memory.CollectedBlocks);
    }

    private void AssertMoves(string name, string from, string to)
    {
        var stepwise = new List<double>();
        Train($"{name}, whole", Backends.Get(Backends.Cpu), losses: stepwise);
        Assert.False(Train(name, Backends.Get(from), stopAfter: 4).IsComplete);
        var rest = new List<double>();
        Assert.True(Train(name, Backends.Get(to), losses: rest).IsComplete);

        // Same images in the same order: only rounding differs, and eight steps do not carry it far.
        Assert.Equal(stepwise.Count - 4, rest.Count);
        Assert.All(stepwise.Skip(4).Zip(rest), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
    }

    private TrainingResult Train(
        string name, IBackend backend, int stopAfter = int.MaxValue, List<double>? losses = null,
        Action<StepMetrics>? step = null)
    {
        using var stop = new CancellationTokenSource();
        var progress = new SilentProgress(metrics =>
        {
            losses?.Add(metrics.LossOverCollapse);
            step?.Invoke(metrics);
            if (metrics.Step == stopAfter)
            {
                stop.Cancel();
            }
        });
        var folder = new RunFolder(_folder[name]);
        return ReportedRun.Of(_settings, folder, backend, progress).Run(resume: folder.HasRun, stop.Token);
    }
}
