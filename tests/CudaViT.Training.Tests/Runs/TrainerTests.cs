using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

public sealed class TrainerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new(threads: 1, poison: true);
    private readonly TrainSettings _settings;

    public TrainerTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings with { Data = new DataSettings { Path = _folder["data"] } };
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_run_leaves_settings_metrics_checkpoints_and_a_final_model()
    {
        TrainingResult result = Train("a", _settings);
        Assert.True(result.IsComplete);
        Assert.Equal(3 * TinyRun.StepsPerEpoch, result.Step);
        Assert.Equal(4, result.Evaluations.Count); // before the first epoch and after each
        Assert.Equal(4 + result.Step, File.ReadLines(_folder["a", "metrics.jsonl"]).Count());
        Assert.Equal(_settings, SettingsRequest.Read(new RunFolder(_folder["a"])));

        // The evaluations bound the epochs.
        string[] lines = RunContent.Metrics(_folder["a"]);
        Assert.Contains("\"evaluation\":0", lines[0]);
        Assert.Contains("\"step\":1,", lines[1]);
        Assert.Contains("\"evaluation\":1", lines[1 + TinyRun.StepsPerEpoch]);
        Assert.Contains("\"evaluation\":3", lines[^1]);

        using SafetensorsFile final = SafetensorsFile.Open(_folder["a", "final.safetensors"]);
        Assert.True(final.Contains("base_encoder.blocks.1.attn.qkv.weight"));
        Assert.True(final.Contains("momentum_encoder.head.7.num_batches_tracked"));
        Assert.True(final.Contains("predictor.4.running_var"));
        Assert.True(final.Contains("opt.base_encoder.blocks.0.mlp.fc1.weight.v"));
        Assert.False(final.Contains("opt.base_encoder.patch_embed.proj.weight.m")); // frozen
    }

    [Fact]
    public void The_model_learns()
    {
        var losses = new List<double>();
        Train("a", _settings.WithEpochs(10), progress: new SilentProgress(step => losses.Add(step.LossOverCollapse)));
        double first = losses.Take(TinyRun.StepsPerEpoch).Average();
        double last = losses.TakeLast(TinyRun.StepsPerEpoch).Average();
        Assert.True(last < 0.8 * first, $"{first} {last}");
    }

    [Fact]
    public void A_final_model_can_be_opened_and_gives_the_features_of_the_run()
    {
        TrainingResult result = Train("a", _settings);
        TrainedModel trained = TrainedModel.Open(_folder["a", "final.safetensors"], _backend);
        DatasetSplits data = DatasetLocator.Open(_folder["data"]);
        double accuracy = new KnnEvaluation(data, _backend, _settings.Model.ImageSize, batch: 20)
            .Accuracies(trained.Extractor(data.Train.Normalization), _settings.Evaluation.Neighbours)[0];
        Assert.Equal(result.Evaluations[^1].KnnAccuracy, accuracy);
        Assert.Null(trained.Settings.Data.Path);
    }

    // At every step of a short run in turn: within an epoch, at its end, before the last evaluation.
    [Fact]
    public void A_run_that_was_asked_to_stop_goes_on_with_the_same_bits()
    {
        Train("whole", _settings.WithEpochs(2));
        for (int stopAfter = 1; stopAfter <= 2 * TinyRun.StepsPerEpoch; stopAfter++)
        {
            string name = $"stopped-{stopAfter}";
            using var stop = new CancellationTokenSource();
            var progress = new SilentProgress(step =>
            {
                if (step.Step == stopAfter)
                {
                    stop.Cancel();
                }
            });
            var trainer = ReportedRun.Of(_settings.WithEpochs(2), new RunFolder(_folder[name]), _backend, progress);
            TrainingResult result = trainer.Run(resume: false, stop.Token);
            Assert.False(result.IsComplete);
            Assert.Equal(stopAfter, result.Step);
            Assert.False(File.Exists(_folder[name, "final.safetensors"]));

            Assert.True(Train(name, _settings.WithEpochs(2), resume: true).IsComplete);
            RunContent.AssertSame(_folder["whole"], _folder[name]);
        }
    }

    // Readings at steps 4, 6 (the end of an epoch: all held-out images), 8 and 12, of a bank that wraps around twice.
    [Fact]
    public void The_monitor_is_read_on_the_way_and_goes_on_with_the_same_bits()
    {
        TrainSettings monitored = _settings.WithEpochs(2) with
        {
            Evaluation = _settings.Evaluation with { MonitorEvery = 4, MonitorBankShare = 0.4, MonitorImages = 9 },
        };
        var whole = new SilentProgress();
        Train("whole", monitored, progress: whole);
        Assert.Equal([(4, 9), (6, 20), (8, 9), (12, 20)], whole.Monitor.Select(line => ((int)line.Step, line.Images)));
        Assert.All(whole.Monitor, line => Assert.Equal(20, line.BankRows)); // four tenths of 51
        Assert.Contains(RunContent.Metrics(_folder["whole"]), line => line.Contains("\"monitorAccuracy\""));
        for (int stopAfter = 3; stopAfter <= 9; stopAfter += 3)
        {
            string name = $"stopped-{stopAfter}";
            using var stop = new CancellationTokenSource();
            var progress = new SilentProgress(step =>
            {
                if (step.Step == stopAfter)
                {
                    stop.Cancel();
                }
            });
            ReportedRun.Of(monitored, new RunFolder(_folder[name]), _backend, progress).Run(resume: false, stop.Token);
            Assert.True(Train(name, monitored, resume: true).IsComplete);
            RunContent.AssertSame(_folder["whole"], _folder[name]);
        }
    }

    // It watches: what is learned is the same without it.
    [Fact]
    public void The_monitor_changes_nothing()
    {
        Train("with", _settings.WithEpochs(1) with
        {
            Evaluation = _settings.Evaluation with { MonitorEvery = 1 },
        });
        Train("without", _settings.WithEpochs(1));
        using SafetensorsFile first = SafetensorsFile.Open(_folder["with", "final.safetensors"]);
        using SafetensorsFile second = SafetensorsFile.Open(_folder["without", "final.safetensors"]);
        Assert.Equal(first.Tensors.Count, second.Tensors.Count);
        Assert.All(first.Tensors, tensor =>
            Assert.Equal(first.ReadBytes(tensor.Name), second.ReadBytes(tensor.Name)));
    }

    [Fact]
    public void A_damaged_newest_checkpoint_is_said_and_the_one_before_gives_the_same_bits()
    {
        Train("whole", _settings);
        Train("a", _settings);
        string newest = Directory.GetFiles(_folder["a", "checkpoints"], "*.safetensors").Order().Last();
        byte[] bytes = File.ReadAllBytes(newest);
        bytes[^1] ^= 1;
        File.WriteAllBytes(newest, bytes);
        File.Delete(_folder["a", "final.safetensors"]);

        var progress = new SilentProgress();
        Train("a", _settings, resume: true, progress);
        Assert.Contains(progress.Notes, note => note.Contains(newest) && note.Contains("damaged"));
        Assert.Contains(progress.Notes, note => note.Contains($"after step {2 * TinyRun.StepsPerEpoch}"));
        RunContent.AssertSame(_folder["whole"], _folder["a"]);
    }

    // Each disk is full at another place: settings, first checkpoint, third checkpoint, final model.
    [Theory]
    [InlineData(0)]
    [InlineData(0.5)]
    [InlineData(2.5)]
    [InlineData(3.5)]
    public void A_full_disk_is_one_line_and_the_run_goes_on_once_there_is_room(double checkpoints)
    {
        Train("whole", _settings);
        long size = new FileInfo(_folder["whole", "final.safetensors"]).Length;
        var folder = new RunFolder(_folder["a"], new FullDisk((long)(checkpoints * size)).Files);
        var error = Assert.Throws<CheckpointException>(
            () => ReportedRun.Of(_settings, folder, _backend, new SilentProgress()).Run(resume: false, default));
        Assert.Contains("No space left", error.Message);
        Assert.Contains("bytes are needed", error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.True(Directory.Exists(_folder["a"]) || checkpoints == 0); // a folder in which nothing is, is none
        Assert.Empty(Directory.Exists(_folder["a"])
            ? Directory.GetFiles(_folder["a"], "*.tmp", SearchOption.AllDirectories)
            : []);

        Train("a", _settings, resume: true);
        RunContent.AssertSame(_folder["whole"], _folder["a"]);
    }

    [Fact]
    public void A_loss_that_is_not_finite_is_one_line_and_the_checkpoints_before_stay()
    {
        TrainSettings wild = _settings with
        {
            Recipe = _settings.Recipe with { BaseLearningRate = 1e30 },
            Run = new RunSettings { CheckpointEvery = 1 },
        };
        var error = Assert.Throws<DivergedException>(() => Train("a", wild));
        Assert.Matches("^step [0-9]+: the l.* is (NaN|∞|Infinity|-Infinity|-∞); ", error.Message);
        Assert.Contains("lower recipe.baseLearningRate", error.Message);
        Assert.Contains("--anomaly", error.Message);
        Assert.DoesNotContain('\n', error.Message);
        Assert.NotNull(new RunFolder(_folder["a"]).Checkpoints(1).FindNewest(Assert.Fail));

        TrainSettings searched = wild with { Run = new RunSettings { Anomaly = true } };
        var anomaly = Assert.Throws<AnomalyException>(() => Train("b", searched));
        Assert.Contains("called at", anomaly.Message);
        Assert.DoesNotContain('\n', anomaly.Message);
    }

    [Fact]
    public void A_folder_in_use_is_left_alone()
    {
        Train("a", _settings);
        byte[] before = File.ReadAllBytes(_folder["a", "metrics.jsonl"]);
        Assert.Contains("--resume", Assert.Throws<RunException>(() => Train("a", _settings)).Message);
        Assert.Equal(before, File.ReadAllBytes(_folder["a", "metrics.jsonl"]));

        Directory.CreateDirectory(_folder["b"]);
        File.WriteAllText(_folder["b", "notes.txt"], "mine");
        Assert.Contains("not empty", Assert.Throws<RunException>(() => Train("b", _settings)).Message);
        Assert.Equal(["notes.txt"], Directory.GetFileSystemEntries(_folder["b"]).Select(Path.GetFileName));
    }

    [Fact]
    public void A_run_does_not_go_on_with_other_settings_or_other_images()
    {
        Train("a", _settings);
        TrainSettings other = _settings with { Seed = 1 };
        Assert.Contains("other settings", Assert.Throws<RunException>(() => Train("a", other, resume: true)).Message);

        foreach (string kind in (string[])["images-idx3-ubyte", "labels-idx1-ubyte"])
        {
            File.Copy(_folder["data", $"t10k-{kind}"], _folder["data", $"train-{kind}"], overwrite: true);
        }

        Assert.Contains(
            "expected the images that the run began with",
            Assert.Throws<RunException>(() => Train("a", _settings, resume: true)).Message);
        var accepting = new RunFolder(_folder["a"]) { AcceptsChangedData = true };
        Trainer trainer = ReportedRun.Of(_settings, accepting, _backend, new SilentProgress());
        Assert.Contains(
            "an epoch has 2 steps", Assert.Throws<RunException>(() => trainer.Run(resume: true, default)).Message);
    }

    [Fact]
    public void Too_few_images_for_a_batch_leave_no_folder_behind()
    {
        string message = Assert.Throws<RunException>(
            () => Train("a", _settings with { Data = _settings.Data with { Limit = 5 } })).Message;
        Assert.Contains("5 images are fewer than one batch of 8", message);
        Assert.Contains("use --batch 5 or less", message);
        Assert.False(Directory.Exists(_folder["a"]));

        // A batch of one image has no negatives: another batch is no way out.
        message = Assert.Throws<RunException>(
            () => Train("a", _settings with { Data = _settings.Data with { Limit = 1 } })).Message;
        Assert.Contains("1 image is fewer than one batch of 8", message);
        Assert.Contains("use --limit 8 or more", message);
        Assert.DoesNotContain("--batch", message);
    }

    // After the first pictures, which are made at the checkpoint of epoch 1, every block comes from the pool and goes
    // back to it: of steps, evaluations, reports and checkpoints.
    [Fact]
    public void Memory_is_flat()
    {
        var live = new List<long>();
        var pooled = new List<long>();
        var progress = new SilentProgress(_ =>
        {
            live.Add(_backend.Memory.LiveBytes);
            pooled.Add(_backend.Memory.PooledBytes);
        });
        TrainSettings settings = _settings.WithEpochs(34) with
        {
            Run = new RunSettings { CheckpointEvery = 50 },
            Evaluation = _settings.Evaluation with { MonitorEvery = 1 },
        };
        Train("a", settings, progress: progress);
        Assert.True(live.Count >= 200);
        Assert.Equal(live[2], live[199]);
        Assert.Equal(pooled[TinyRun.StepsPerEpoch], pooled[199]);
        Assert.Equal(0, _backend.Memory.CollectedBlocks);
    }

    private TrainingResult Train(
        string name, TrainSettings settings, bool resume = false, SilentProgress? progress = null) =>
        ReportedRun.Of(settings, new RunFolder(_folder[name]), _backend, progress ?? new SilentProgress())
            .Run(resume, default);
}
