using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Data;
using CudaViT.Training.Runs;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Devices;

/// <summary>Whole runs, from image files to checkpoints, on devices that run kernels.</summary>
public sealed class DeviceRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TrainSettings _settings;

    public DeviceRunTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings.WithEpochs(2) with { Data = new DataSettings { Path = _folder["data"] } };
    }

    public static TheoryData<string> Devices => [.. Backends.ModelNames.Where(name => name != Backends.Cpu)];

    public static TheoryData<string, string> Moves
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (string device in Backends.ModelNames.Where(name => name != Backends.Cpu))
            {
                data.Add(Backends.Cpu, device);
                data.Add(device, Backends.Cpu);
            }

            return data;
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory, MemberData(nameof(Devices))]
    public void A_run_that_was_stopped_goes_on_with_the_same_bits(string device)
    {
        IBackend backend = Backends.Get(device);
        Assert.True(Train("whole", backend).IsComplete);
        Assert.False(Train("stopped", backend, stopAfter: 4).IsComplete);
        Assert.True(Train("stopped", backend).IsComplete);
        RunContent.AssertSame(_folder["whole"], _folder["stopped"]);
    }

    [Theory, MemberData(nameof(Moves))]
    public void A_run_begun_on_one_device_ends_on_another(string from, string to)
    {
        var stepwise = new List<double>();
        Train("whole", Backends.Get(Backends.Cpu), losses: stepwise);
        Assert.False(Train("moved", Backends.Get(from), stopAfter: 4).IsComplete);
        var rest = new List<double>();
        Assert.True(Train("moved", Backends.Get(to), losses: rest).IsComplete);

        // Same images in the same order: only rounding differs, and eight steps do not carry it far.
        Assert.Equal(stepwise.Count - 4, rest.Count);
        Assert.All(stepwise.Skip(4).Zip(rest), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
    }

    [Theory, MemberData(nameof(Devices))]
    public void Memory_is_flat(string device)
    {
        using IBackend backend = Backends.New(device);
        var live = new List<long>();
        var pooled = new List<long>();
        Train("a", backend, step: _ =>
        {
            live.Add(backend.Memory.LiveBytes);
            pooled.Add(backend.Memory.PooledBytes);
        });
        Assert.Equal(live[2], live[^1]);
        Assert.Equal(pooled[2], pooled[^1]);
        Assert.Equal(0, backend.Memory.CollectedBlocks);
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
        return new Trainer(_settings, folder, backend, progress).Run(resume: folder.HasRun, stop.Token);
    }
}
