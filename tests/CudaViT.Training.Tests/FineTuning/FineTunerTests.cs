using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Export;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.FineTuning;

public sealed class FineTunerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new(threads: 1, poison: true);
    private readonly FineTuneSettings _settings;

    public FineTunerTests() => _settings = TinyTuning.Prepare(_folder, _backend);

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_run_leaves_settings_metrics_checkpoints_models_and_a_report()
    {
        FineTuneReport report = Run("a", _settings).Report!;
        Assert.Equal(_settings, FineTuneRequest.Read(new RunFolder(_folder["a"])));
        string[] lines = RunContent.Metrics(_folder["a"]);
        Assert.Equal(2 * (TinyRun.StepsPerEpoch + 1), lines.Length);
        Assert.Contains("\"evaluation\":1", lines[TinyRun.StepsPerEpoch]);
        Assert.Contains("\"averageTop1\":", lines[^1]);

        JsonNode json = JsonNode.Parse(File.ReadAllText(_folder["a", "finetune.json"]))!;
        Assert.Equal(report.Top1, (double)json["top1"]!);
        Assert.Equal(3, json["weights"]!["classes"]!.AsArray().Count);
        Assert.Equal(2, json["average"]!["history"]!.AsArray().Count);
        Assert.Equal(20, report.Weights.Confusion.Sum(row => row.Sum()));
        Assert.Equal(report.Top1, report.Weights.Last.Top1);
        Assert.Equal(report.Average!.History.Max(score => score.Top1), report.Average.Best.Top1);

        string[] titles =
            [.. ReportPage.Parse(_folder["a", "report.html"]).Descendants("h3").Select(title => title.Value)];
        Assert.Equal(["Top-1 accuracy", "Training loss", "Learning rate", "Gradient norm"], titles[..4]);
        Assert.Contains("Most frequent confusions", titles);
    }

    [Fact]
    public void Everything_is_trained_and_a_plain_run_learns()
    {
        FineTuneSettings settings = TinyTuning.Prepare(_folder, _backend, epochs: 30).Plain();
        FineTuneReport report = Run("a", settings).Report!;
        double[] losses =
        [
            .. RunContent.Metrics(_folder["a"]).Select(line => JsonNode.Parse(line)!["loss"]).OfType<JsonNode>()
                .Select(loss => (double)loss),
        ];
        double first = losses[..TinyRun.StepsPerEpoch].Average();
        double last = losses[^TinyRun.StepsPerEpoch..].Average();
        Assert.True(last < 0.5 * first, $"{first} {last}");
        Assert.True(report.Top1 > 0.5, $"{report.Top1}"); // three classes
        Assert.True(report.Average!.Last.Top1 > 0.5, $"{report.Average.Last}");

        using SafetensorsFile start = SafetensorsFile.Open(_folder["start.safetensors"]);
        using SafetensorsFile final = SafetensorsFile.Open(_folder["a", "final.safetensors"]);
        string[] names = ["pos_embed", "patch_embed.proj.weight", "cls_token", "blocks.0.attn.qkv.bias"];
        foreach (string name in names)
        {
            Assert.NotEqual(start.ReadBytes($"base_encoder.{name}"), final.ReadBytes($"base_encoder.{name}"));
        }

        Assert.False(final.Contains("base_encoder.head.0.weight"));
        Assert.False(final.Contains("opt.step"));
    }

    // At every step of a short run in turn: within an epoch, at its end, before the last evaluation.
    [Fact]
    public void A_run_that_was_asked_to_stop_goes_on_with_the_same_bits()
    {
        Run("whole", _settings);
        for (int stopAfter = 1; stopAfter <= 2 * TinyRun.StepsPerEpoch; stopAfter++)
        {
            string name = $"stopped-{stopAfter}";
            using var stop = new CancellationTokenSource();
            var progress = new SilentTuning(step =>
            {
                if (step.Step == stopAfter)
                {
                    stop.Cancel();
                }
            });
            FineTuneResult stopped =
                ReportedRun.Of(_settings, new RunFolder(_folder[name]), _backend, progress).Run(false, stop.Token);
            Assert.Equal((stopAfter, null), (stopped.Step, stopped.Report));
            Assert.Equal(stopAfter > TinyRun.StepsPerEpoch, File.Exists(_folder[name, "report.html"])); // of epoch 1
            Assert.False(File.Exists(_folder[name, "final.safetensors"]));

            // Workers do not matter, and the encoder is not needed any more.
            FineTuneSettings again = _settings with { Checkpoint = null, Run = new RunSettings { Workers = 3 } };
            Assert.NotNull(Run(name, again, resume: true).Report);
            AssertSame("whole", name);
        }
    }

    [Fact]
    public void A_run_stopped_after_its_last_evaluation_still_finds_its_classes()
    {
        Run("whole", _settings);
        Run("again", _settings);
        foreach (string file in (string[])["final.safetensors", "final-ema.safetensors", "finetune.json"])
        {
            File.Delete(_folder["again", file]);
        }

        Run("again", _settings, resume: true);
        AssertSame("whole", "again");
    }

    [Fact]
    public void Other_commands_read_what_was_tuned()
    {
        FineTuneReport report = Run("a", _settings).Report!;
        foreach (string file in (string[])["final.safetensors", "final-ema.safetensors"])
        {
            var model = TrainedModel.Open(_folder["a", file], _backend);
            Assert.Equal(3, model.Settings.Model.Classes);
            Assert.Equal(_settings.Dtype, model.Settings.Dtype);
            DatasetSplits data = DatasetLocator.Open(_folder["data"]);
            var knn = new KnnEvaluation(data, _backend, model.Settings.Model.ImageSize, batch: 20);
            Assert.InRange(knn.Accuracies(model.Extractor(data.Train.Normalization), 5)[0], 0, 1);
            Assert.True(model.RequireUnchanged() > 0);

            string exported = _folder[$"exported-{file}"];
            CheckpointExport.WriteSafetensors(_folder["a", file], exported, ExportPart.Encoder);
            using SafetensorsFile timm = SafetensorsFile.Open(exported);
            Assert.Equal([3, 16], timm["head.weight"].Shape);
            Assert.Equal([3], timm["head.bias"].Shape);
            Assert.True(timm.Contains("blocks.1.mlp.fc2.bias"));
            CheckpointExport.WriteOnnx(_folder["a", file], _folder[$"{file}.onnx"]);
        }

        Assert.NotNull(report.Average);

        // And it can be tuned on, or be the start of a probe: the head is left behind.
        FineTuneSettings on = new FineTuneRequest { Checkpoint = _folder["a", "final.safetensors"] }.Resolve();
        FineTuneSettings tuned = _settings with
        {
            Checkpoint = on.Checkpoint,
            CheckpointSha256 = on.CheckpointSha256,
            Pretraining = on.Pretraining,
        };
        Assert.NotNull(Run("b", tuned).Report);
    }

    [Fact]
    public void Without_an_average_there_is_none()
    {
        FineTuneSettings settings = _settings with { Recipe = _settings.Recipe with { AverageMomentum = null } };
        FineTuneReport report = Run("a", settings).Report!;
        Assert.Null(report.Average);
        Assert.False(File.Exists(_folder["a", "final-ema.safetensors"]));
        Assert.Contains("\"averageTop1\":null", RunContent.Metrics(_folder["a"])[^1]);
    }

    [Fact]
    public void What_cannot_be_tuned_is_one_line()
    {
        FineTuneSettings large = _settings with { Recipe = _settings.Recipe with { Batch = 100 } };
        Refused("51 images are fewer than one batch of 100", large);
        Refused("expected the same encoder", _settings with { CheckpointSha256 = "00" });
        Refused("there is no such file", _settings with { Checkpoint = _folder["none"], CheckpointSha256 = null });
        Refused("channels", _settings with
        {
            Pretraining = _settings.Pretraining with { Model = _settings.Pretraining.Model with { Channels = 3 } },
        });

        Run("a", _settings);
        Assert.Contains("--resume", Assert.Throws<RunException>(() => Run("a", _settings)).Message);
        FineTuneSettings other = _settings with { Seed = 1 };
        Assert.Contains("other settings", Assert.Throws<RunException>(() => Run("a", other, resume: true)).Message);

        FineTuneSettings wild = _settings with { Recipe = _settings.Recipe with { BaseLearningRate = 1e30 } };
        var error = Assert.Throws<DivergedException>(() => Run("wild", wild));
        Assert.Contains("lower recipe.baseLearningRate", error.Message);

        void Refused(string part, FineTuneSettings settings)
        {
            string message = Assert.Throws<RunException>(() => Run("refused", settings)).Message;
            Assert.Contains(part, message);
            Assert.DoesNotContain('\n', message);
        }
    }

    // From step 3 on every block comes from the pool and goes back to it, evaluations and checkpoints included.
    [Fact]
    public void Memory_is_flat()
    {
        var live = new List<long>();
        var progress = new SilentTuning(_ => live.Add(_backend.Memory.LiveBytes));
        FineTuneSettings settings = TinyTuning.Prepare(_folder, _backend, epochs: 10) with
        {
            Run = new RunSettings { CheckpointEvery = 25 },
        };
        ReportedRun.Of(settings, new RunFolder(_folder["a"]), _backend, progress).Run(resume: false, default);
        Assert.True(live.Count >= 60);
        Assert.Equal(live[2], live[^1]);
        Assert.Equal(0, _backend.Memory.CollectedBlocks);
    }

    private FineTuneResult Run(string name, FineTuneSettings settings, bool resume = false) =>
        TinyTuning.Run(settings, _folder[name], _backend, resume);

    private void AssertSame(string expected, string actual)
    {
        RunContent.AssertSame(_folder[expected], _folder[actual]);
        Assert.Equal(
            File.ReadAllBytes(_folder[expected, "final-ema.safetensors"]),
            File.ReadAllBytes(_folder[actual, "final-ema.safetensors"]));
        (JsonNode one, JsonNode other) = (Report(expected), Report(actual));
        Assert.Equal(one["weights"]!.ToJsonString(), other["weights"]!.ToJsonString());
        Assert.Equal(one["average"]!.ToJsonString(), other["average"]!.ToJsonString());

        JsonNode Report(string name) => JsonNode.Parse(File.ReadAllText(_folder[name, "finetune.json"]))!;
    }
}
