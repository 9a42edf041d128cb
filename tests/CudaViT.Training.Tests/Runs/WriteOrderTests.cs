using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

/// <summary>
/// In which order files are opened, written, flushed, renamed and removed. A power cut may keep any of these from
/// happening and what comes after it; only the order says what can be relied on then.
/// </summary>
public sealed class WriteOrderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly RecordingFiles _recorder = new();

    public void Dispose() => _folder.Dispose();

    // Content, name, folder: each is on the disk before the next one counts on it. Tensors before the JSON file that
    // makes them a checkpoint; the checkpoint before old ones go; their JSON files before their tensors.
    [Fact]
    public void A_checkpoint_is_on_the_disk_before_the_old_one_goes()
    {
        using TestRun run = Backends.Open("cpu");
        var store = new CheckpointStore(_folder["checkpoints"], keep: 1, _recorder.Files);
        NamedArray[] arrays = [new("w", run.Array([1, 2], [2], DType.F32))];
        store.Save(Info(1), arrays);
        _recorder.Clear();
        store.Save(Info(2), arrays);
        Assert.Equal(
            [
                .. Written("step-00000002.safetensors", "checkpoints"),
                .. Written("step-00000002.json", "checkpoints"),
                "delete step-00000001.json",
                "delete step-00000001.safetensors",
            ],
            _recorder.Calls);
    }

    // On a system without a call for it, nothing is flushed and nothing breaks.
    [Fact]
    public void Names_reach_the_disk_where_the_system_has_a_call_for_it()
    {
        var layer = new FileLayer();
        bool isUnix = OperatingSystem.IsLinux() || OperatingSystem.IsMacOS();
        Assert.Equal(isUnix, layer.FlushFolder(_folder.Path));
        Assert.False(layer.FlushFolder(_folder["missing"]));
    }

    // Whoever goes on from a checkpoint finds the lines of all steps that it covers.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Metrics_are_on_the_disk_before_the_checkpoint_that_covers_them(bool isTuning)
    {
        Train(isTuning, "a");
        int checkpoints = 0;
        string lastOfMetrics = "";
        foreach (string call in _recorder.Calls)
        {
            if (call.EndsWith(" metrics.jsonl", StringComparison.Ordinal))
            {
                lastOfMetrics = call;
            }
            else if (call.StartsWith("create step-", StringComparison.Ordinal))
            {
                checkpoints++;
                Assert.Equal("flush metrics.jsonl", lastOfMetrics);
            }
        }

        Assert.Equal(2 * 2, checkpoints); // two epochs, two files each
    }

    [Fact]
    public void Lines_are_kept_before_they_are_cut_off()
    {
        string path = _folder["metrics.jsonl"];
        File.WriteAllLines(path, ["{\"step\":1}", "{\"step\":2}", "{\"step\":3}"]);
        MetricsLog.Resume(path, step: 1, evaluations: 0, _recorder.Files).Dispose();
        Assert.Equal(
            [
                .. Written("metrics.after-step-1.jsonl", Path.GetFileName(_folder.Path)),
                "append metrics.jsonl",
                "close metrics.jsonl",
            ],
            _recorder.Calls);
    }

    // A file that is only written to from now on: its name has to be durable once.
    [Fact]
    public void The_name_of_a_new_metrics_file_is_on_the_disk()
    {
        MetricsLog.Resume(_folder["metrics.jsonl"], step: 0, evaluations: 0, _recorder.Files).Dispose();
        string folder = Path.GetFileName(_folder.Path);
        Assert.Equal(["append metrics.jsonl", $"flush {folder}/", "close metrics.jsonl"], _recorder.Calls);
    }

    private static string[] Written(string name, string folder) =>
    [
        $"create {name}.tmp", $"write {name}.tmp", $"flush {name}.tmp", $"close {name}.tmp", $"move {name}.tmp {name}",
        $"flush {folder}/",
    ];

    private static CheckpointInfo Info(long step) => new()
    {
        Step = step,
        Epoch = 0,
        StepInEpoch = (int)step,
        Seed = 1,
        Preset = "tiny",
        SettingsDigest = "d",
        Evaluations = 1,
    };

    private void Train(bool isTuning, string name)
    {
        using var backend = new CpuBackend();
        var folder = new RunFolder(_folder[name], _recorder.Files);
        if (isTuning)
        {
            new FineTuner(TinyTuning.Prepare(_folder, backend, epochs: 2), folder, backend, new SilentTuning())
                .Run(resume: false, default);
            return;
        }

        TinyRun.WriteData(_folder["data"]);
        TrainSettings settings = TinyRun.Settings.WithEpochs(2) with
        {
            Data = new DataSettings { Path = _folder["data"] },
        };
        new Trainer(settings, folder, backend, new SilentProgress()).Run(resume: false, default);
    }
}
