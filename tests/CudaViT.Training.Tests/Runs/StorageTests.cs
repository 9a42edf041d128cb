using System.Security.Cryptography;
using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.LinearProbing;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

/// <summary>Runs whose disk is full, and runs whose checkpoints are not what they were.</summary>
public sealed class StorageTests : IDisposable
{
    private const int Epochs = 2;

    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new(threads: 1);

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    // A disk for everything that a run writes, the metrics and the report among it. It is full at another place each
    // time, most of them within tensors; then with room for a part of one line of the metrics more each time.
    [Theory]
    [InlineData("train", false)]
    [InlineData("train", true)]
    [InlineData("finetune", false)]
    [InlineData("finetune", true)]
    [InlineData("linear", false)]
    [InlineData("linear", true)]
    public void A_full_disk_is_one_line_wherever_it_is_and_nothing_is_lost(string command, bool metricsAlone)
    {
        Func<string, bool> counts = metricsAlone ? name => name == "metrics.jsonl" : _ => true;
        Func<FullDisk, string, bool, string?> run = command switch
        {
            "train" => Train(),
            "finetune" => Tune(),
            _ => Probe(),
        };
        var wide = new FullDisk(long.MaxValue, counts);
        Assert.Null(run(wide, "whole", false));
        const int Places = 12;
        for (int place = 0; place < Places; place++)
        {
            string name = $"full-{place}";
            var disk = new FullDisk(wide.Asked * place / Places, counts);
            string? message = run(disk, name, false);
            if (message is null) // only the report was too much
            {
                Assert.True(command == "linear" || File.Exists(_folder[name, "final.safetensors"]));
                continue;
            }

            Assert.Contains("No space left", message);
            Assert.Contains("free some space", message);
            Assert.Contains(_folder[name], message);
            Assert.DoesNotContain('\n', message);
            Assert.Empty(Directory.GetFiles(_folder.Path, "*.tmp", SearchOption.AllDirectories));

            string[] before = Lines(name);
            disk.Free(long.MaxValue / 2);
            Assert.Null(run(disk, name, true));
            Assert.Equal(RunContent.Metrics(_folder["whole"]), RunContent.Metrics(_folder[name]));
            if (command != "linear")
            {
                RunContent.AssertSame(_folder["whole"], _folder[name]);
            }

            AssertKept(before, name);
        }
    }

    // Once there is room, but not for the lines that would be cut off: they stay where they are.
    [Fact]
    public void Without_room_to_keep_lines_aside_none_is_cut_off()
    {
        string path = _folder["metrics.jsonl"];
        File.WriteAllLines(path, ["{\"step\":1}", "{\"step\":2}", "{\"step\":3}"]);
        byte[] before = File.ReadAllBytes(path);
        Assert.Contains("No space left", Assert.ThrowsAny<InputException>(
            () => MetricsLog.Resume(path, step: 1, evaluations: 0, new FullDisk(room: 5).Files)).Message);
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
        Assert.Equal(before, File.ReadAllBytes(path));
    }

    // The real command: refused with the folder as it was, twice; then told to begin anew, with the old results kept.
    [Theory]
    [InlineData("train")]
    [InlineData("finetune")]
    [InlineData("linear")]
    public void Where_all_checkpoints_are_damaged_a_command_begins_anew_only_when_told_to(string command)
    {
        string[] arguments = Arguments(command);
        Assert.Equal(0, Run([.. arguments, "--out", _folder["whole"]]).Status);
        Assert.Equal(0, Run([.. arguments, "--out", _folder["run"]]).Status);
        foreach (string path in Directory.GetFiles(_folder["run", "checkpoints"], "*.safetensors"))
        {
            File.WriteAllBytes(path, File.ReadAllBytes(path)[..^1]);
        }

        // What a killed process left is not removed either before it is clear that the run goes on.
        string[] left = [.. ((string[])["step-00000099.safetensors", "step-00000099.json.tmp"])
            .Select(name => _folder["run", "checkpoints", name])];
        Array.ForEach(left, path => File.WriteAllText(path, "cut"));
        string before = Content(_folder["run"]);
        string[] lines = Lines("run");
        for (int attempt = 0; attempt < 2; attempt++)
        {
            (int refused, _, string error) = Run([.. arguments, "--out", _folder["run"], "--resume"]);
            Assert.Equal(1, refused);
            CommandRunner.AssertOneLine(error);
            Assert.Contains("checkpoints are damaged", error);
            Assert.Contains("--begin-anew", error);
            Assert.Equal(before, Content(_folder["run"]));
        }

        (int status, string output, string complaint) =
            Run([.. arguments, "--out", _folder["run"], "--resume", "--begin-anew"]);
        Assert.Equal((0, ""), (status, complaint));
        Assert.Contains("damaged", output);
        Assert.NotEmpty(Directory.GetFiles(_folder["run", "checkpoints"], "*.safetensors.corrupt"));
        Assert.True(File.Exists(left[0])); // it may be all that is left of a checkpoint
        Assert.False(File.Exists(left[1]));
        Assert.Equal(lines, File.ReadAllLines(_folder["run", "metrics.after-step-0.jsonl"]));
        Assert.Contains(_folder["run", "metrics.after-step-0.jsonl"], output);
        if (command != "linear")
        {
            RunContent.AssertSame(_folder["whole"], _folder["run"]);
            return;
        }

        Assert.Equal(RunContent.Metrics(_folder["whole"]), RunContent.Metrics(_folder["run"]));
        Assert.Equal(
            File.ReadAllBytes(_folder["whole", "classifier.safetensors"]),
            File.ReadAllBytes(_folder["run", "classifier.safetensors"]));
    }

    // Checkpoints on a drive that is away are as good as none: the metrics know that there were some.
    [Theory]
    [InlineData("train")]
    [InlineData("finetune")]
    [InlineData("linear")]
    public void Where_all_checkpoints_are_gone_a_command_begins_anew_only_when_told_to(string command)
    {
        string[] arguments = [.. Arguments(command), "--out", _folder["run"]];
        Assert.Equal(0, Run(arguments).Status);
        string[] lines = Lines("run");
        Directory.Move(_folder["run", "checkpoints"], _folder["away"]);
        string before = Content(_folder["run"]);
        (int status, _, string error) = Run([.. arguments, "--resume"]);
        Assert.Equal(1, status);
        CommandRunner.AssertOneLine(error);
        Assert.Contains("there is no checkpoint", error);
        Assert.Contains("--begin-anew", error);
        Assert.Equal(before, Content(_folder["run"]));

        // Without metrics, too: a final model is there, and would be written over.
        if (command != "linear")
        {
            File.Move(_folder["run", "metrics.jsonl"], _folder["metrics"]);
            Assert.Contains("final.safetensors is there", Run([.. arguments, "--resume"]).Error);
            File.Move(_folder["metrics"], _folder["run", "metrics.jsonl"]);
        }

        Directory.Move(_folder["away"], _folder["run", "checkpoints"]);
        Assert.Contains("going on after step", Run([.. arguments, "--resume"]).Output);
        Directory.Delete(_folder["run", "checkpoints"], recursive: true);
        Assert.Equal(0, Run([.. arguments, "--resume", "--begin-anew"]).Status);
        Assert.Equal(lines, File.ReadAllLines(_folder["run", "metrics.after-step-0.jsonl"]));
    }

    // The option alone would say nothing: a new run begins anew anyway, and an old one is not to be overwritten.
    [Theory]
    [InlineData("train")]
    [InlineData("finetune")]
    [InlineData("linear", "--checkpoint", "x")]
    public void Beginning_anew_goes_with_resuming(params string[] command)
    {
        (int status, _, string error) = Run([.. command, "--out", _folder["run"], "--begin-anew"]);
        Assert.Equal(2, status);
        CommandRunner.AssertOneLine(error);
        Assert.Contains("--resume", error);
        Assert.False(Directory.Exists(_folder["run"]));
    }

    // Whoever draws a report does not own the folder, which may be that of a run at work.
    [Fact]
    public void Drawing_a_report_renames_nothing()
    {
        Assert.Equal(0, Run([.. Arguments("train"), "--out", _folder["run"]]).Status);
        File.Delete(_folder["run", "final.safetensors"]);
        File.Delete(_folder["run", "report.html"]);
        string newest = Directory.GetFiles(_folder["run", "checkpoints"], "*.json").Order().Last();
        File.WriteAllText(newest, "{");
        string before = Content(_folder["run"]);
        using (new RunFolder(_folder["run"]).Own())
        {
            (int status, string output, string error) = Run(["report", "--run", _folder["run"], "--device", "cpu"]);
            Assert.Equal((0, ""), (status, error));
            Assert.Contains("damaged", output);
        }

        File.Delete(_folder["run", "report.html"]);
        Assert.Equal(before, Content(_folder["run"]));
    }

    private static (int Status, string Output, string Error) Run(string[] arguments) => CommandRunner.Run(arguments);

    private static string Content(string folder) => string.Join(
        '\n',
        Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order().Select(path =>
            $"{path} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))}"));

    private string[] Arguments(string command)
    {
        if (command == "finetune")
        {
            FineTuneSettings settings = TinyTuning.Prepare(_folder, _backend, Epochs);
            File.WriteAllText(_folder["tune.json"], SettingsJson.Write(settings));
            return [command, "--settings", _folder["tune.json"], "--device", "cpu", "--threads", "1"];
        }

        string train = TinyRun.WriteSettings(_folder, Epochs);
        if (command == "train")
        {
            return [command, "--settings", train, "--device", "cpu", "--threads", "1"];
        }

        string model = File.Exists(_folder["model"])
            ? _folder["model"]
            : ModelFile.Write(_folder["model"], _backend, TinyRun.Settings.Model);
        return
        [
            command, "--checkpoint", model, "--data", _folder["data"], "--epochs", $"{Epochs}", "--batch", "8",
            "--lr", "1", "--device", "cpu", "--threads", "1",
        ];
    }

    private Func<FullDisk, string, bool, string?> Train()
    {
        TinyRun.WriteData(_folder["data"]);
        TrainSettings settings = TinyRun.Settings.WithEpochs(Epochs) with
        {
            Data = new DataSettings { Path = _folder["data"] },
        };
        return (disk, name, resume) => Message(() =>
            new Trainer(settings, new RunFolder(_folder[name], disk.Files), _backend, new SilentProgress())
                .Run(resume, default));
    }

    private Func<FullDisk, string, bool, string?> Tune()
    {
        FineTuneSettings settings = TinyTuning.Prepare(_folder, _backend, Epochs);
        return (disk, name, resume) => Message(() =>
            new FineTuner(settings, new RunFolder(_folder[name], disk.Files), _backend, new SilentTuning())
                .Run(resume, default));
    }

    private Func<FullDisk, string, bool, string?> Probe()
    {
        TinyRun.WriteData(_folder["data"]);
        DatasetSplits data = DatasetLocator.Open(_folder["data"]);
        TrainedModel model = TrainedModel.Open(
            ModelFile.Write(_folder["model"], _backend, TinyRun.Settings.Model), _backend);
        LinearSettings settings = LinearSettings.For(model.Settings.Model) with { Epochs = Epochs, Batch = 16 };
        return (disk, name, resume) => Message(() =>
        {
            using var scope = new StepScope();
            LinearProbe.Run(
                model, data, settings, new SilentWork(), new RunFolder(_folder[name], disk.Files), resume);
        });
    }

    private static string? Message(Action run)
    {
        try
        {
            run();
            return null;
        }
        catch (InputException e)
        {
            return e.Message;
        }
    }

    // Those that end in a line feed.
    private string[] Lines(string name)
    {
        string path = _folder[name, "metrics.jsonl"];
        return File.Exists(path) ? File.ReadAllText(path).Split('\n')[..^1] : [];
    }

    // Every whole line that was there is still there: in the file itself, or in one beside it.
    private void AssertKept(string[] before, string name)
    {
        HashSet<string> after = [.. Directory.GetFiles(_folder[name], "metrics*.jsonl").SelectMany(File.ReadAllLines)];
        Assert.All(before, line => Assert.Contains(line, after));
    }
}
