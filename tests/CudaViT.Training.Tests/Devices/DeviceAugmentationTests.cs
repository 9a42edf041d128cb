using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Devices;

/// <summary>Runs whose views the device makes: they are those whose views the loader makes, bit for bit.</summary>
public sealed class DeviceAugmentationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TrainSettings _settings;

    public DeviceAugmentationTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings.WithEpochs(2) with
        {
            Data = new DataSettings { Path = _folder["data"] },
            Views = new ViewSettings(), // all of MoCo v3's
            Evaluation = new EvaluationSettings { MonitorEvery = null },
        };
    }

    public static TheoryData<string, int> Channels
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (string backend in Backends.ModelNames)
            {
                data.Add(backend, 1);
                data.Add(backend, 3);
            }

            return data;
        }
    }

    public void Dispose() => _folder.Dispose();

    // Large images are reduced before they are sent: a batch has room for 256 KiB of each.
    [Theory, MemberData(nameof(Channels))]
    public void Batches_are_the_same_for_any_number_of_workers(string backend, int channels)
    {
        IBackend device = Backends.Get(backend);
        var images = new MixedSizes(41, channels, large: channels == 3 ? 330 : 560);
        TrainSettings settings = _settings with
        {
            Model = _settings.Model with { ImageSize = 20, Channels = channels },
            Recipe = _settings.Recipe with { CropMinimum = 0.08 },
        };
        if (device is not IAugmentingBackend)
        {
            AssertRefused(() => BatchFeed.OfPairs(images, Augmenting(settings), device));
            return;
        }

        using var rendered = BatchFeed.OfPairs(images, settings, device);
        using var one = BatchFeed.OfPairs(images, Augmenting(settings), device);
        using var three = BatchFeed.OfPairs(images, Augmenting(settings, workers: 3), device);
        while (rendered.TryNext(out DeviceBatch? expected))
        {
            using var scope = new StepScope();
            (Tensor first, Tensor second) = (expected.View(0), expected.View(1));
            foreach (BatchFeed feed in (BatchFeed[])[one, three])
            {
                Assert.True(feed.TryNext(out DeviceBatch? actual));
                (Tensor actualFirst, Tensor actualSecond) = (actual.View(0), actual.View(1));
                Assert.Equal(expected.Labels, actual.Labels);
                Assert.Equal(first.Data.ToArray<float>(), actualFirst.Data.ToArray<float>());
                Assert.Equal(second.Data.ToArray<float>(), actualSecond.Data.ToArray<float>());
                feed.SendAhead();
            }
        }

        Assert.False(one.TryNext(out _));
    }

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void A_run_may_change_who_augments_and_ends_in_the_same_bits(string backend)
    {
        IBackend device = Backends.Get(backend);
        if (device is not IAugmentingBackend)
        {
            AssertRefused(() => Train("refused", Augmenting(_settings), device));
            Assert.False(Directory.Exists(_folder["refused"])); // it was not begun
            return;
        }

        Assert.True(Train("rendered", _settings, device).IsComplete);
        Assert.True(Train("augmented", Augmenting(_settings, workers: 2), device).IsComplete);
        RunContent.AssertSame(_folder["rendered"], _folder["augmented"]);

        Assert.False(Train("mixed", Augmenting(_settings), device, stopAfter: 4).IsComplete);
        Assert.False(Train("mixed", _settings, device, stopAfter: 8).IsComplete);
        Assert.True(Train("mixed", Augmenting(_settings), device).IsComplete);
        RunContent.AssertSame(_folder["rendered"], _folder["mixed"]);
    }

    [Fact]
    public void The_command_line_says_what_the_cpu_lacks_before_it_begins()
    {
        (int status, string output, string error) = CommandRunner.Run(
            "train", "--augment", "cuda", "--device", "cpu", "--data", _folder["data"], "--batch", "8",
            "--out", _folder["run"]);
        Assert.NotEqual(0, status);
        Assert.Equal("", output);
        CommandRunner.AssertOneLine(error);
        Assert.Contains("views.augment is cuda, but the cpu device runs no kernels", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["run"]));
    }

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void Memory_is_flat(string backend)
    {
        using IBackend device = Backends.New(backend);
        var live = new List<long>();
        var pooled = new List<long>();
        TrainSettings settings = device is IAugmentingBackend ? Augmenting(_settings) : _settings;
        Train("flat", settings, device, step: () =>
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

    [SkippableFact]
    public void A_view_or_batch_that_is_too_large_is_refused_in_one_line()
    {
        Skip.If(Backends.Problem(Backends.Emulator) is not null, Backends.Problem(Backends.Emulator) ?? "");
        IBackend device = Backends.Get(Backends.Emulator);
        foreach ((int size, int batch) in ((int, int)[])[(21505, 2), (448, 4096)])
        {
            TrainSettings settings = Augmenting(_settings with
            {
                Model = _settings.Model with { ImageSize = size, Channels = 3 },
                Recipe = _settings.Recipe with { Batch = batch },
            });
            string message = Assert.Throws<RunException>(
                () => BatchFeed.Require(new MixedSizes(41, 3), settings, device)).Message;
            Assert.Contains("--augment cpu", message, StringComparison.Ordinal);
            Assert.Contains("at most 7168 pixels", message, StringComparison.Ordinal);
        }
    }

    private static TrainSettings Augmenting(TrainSettings settings, int workers = 1) => settings with
    {
        Views = settings.Views with { Augment = AugmentingDevice.Cuda },
        Run = settings.Run with { Workers = workers },
    };

    private static void AssertRefused(Func<object> action) => Assert.Contains(
        "the cpu device runs no kernels; expected --augment cpu, or --device cuda",
        Assert.Throws<RunException>(action).Message,
        StringComparison.Ordinal);

    private TrainingResult Train(
        string name, TrainSettings settings, IBackend backend, int stopAfter = int.MaxValue, Action? step = null)
    {
        using var stop = new CancellationTokenSource();
        var progress = new SilentProgress(metrics =>
        {
            step?.Invoke();
            if (metrics.Step == stopAfter)
            {
                stop.Cancel();
            }
        });
        var folder = new RunFolder(_folder[name]);
        return ReportedRun.Of(settings, folder, backend, progress).Run(resume: folder.HasRun, stop.Token);
    }
}
