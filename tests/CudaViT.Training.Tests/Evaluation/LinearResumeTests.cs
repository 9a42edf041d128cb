using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Reports.Evaluations;
using CudaViT.Training.Runs.LinearProbing;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Evaluation;

/// <summary>Linear probes that are stopped or killed, and go on.</summary>
public sealed class LinearResumeTests : IDisposable
{
    private const int Epochs = 3;
    private const int StepsPerEpoch = 4;

    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");
    private readonly DatasetSplits _data;
    private readonly TrainedModel _model;
    private readonly LinearSettings _settings;

    public LinearResumeTests()
    {
        TinyRun.WriteData(_folder["data"]); // 51 images: the last of four batches of 16 has three
        _data = DatasetLocator.Open(_folder["data"]);
        _model = TrainedModel.Open(
            ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model), _run.Backend);
        _settings = LinearSettings.For(_model.Settings.Model) with
        {
            Epochs = Epochs,
            Batch = 16,
            BaseLearningRates = [1, 1e42], // the second diverges: sums that are no numbers go on as well
        };
    }

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    // After every step in turn: within an epoch, at its end, before the last evaluation. Workers do not matter.
    [Fact]
    public void A_probe_that_was_asked_to_stop_goes_on_with_the_same_bits()
    {
        (string report, byte[] classifier) = Written(Run("whole")!);
        for (int stopAfter = 1; stopAfter <= Epochs * StepsPerEpoch; stopAfter++)
        {
            string name = $"stopped-{stopAfter}";
            using var stop = new CancellationTokenSource();
            var progress = new Stopping(stopAfter, stop);
            var folder = new RunFolder(_folder[name]);
            Assert.Null(LinearProbe.Run(_model, _data, _settings, progress, folder, resume: false, stop.Token));
            LinearResult? rest = LinearProbe.Run(
                _model, _data, _settings with { Workers = 2 }, new SilentWork(), folder, resume: true);
            rest = rest! with { Report = rest.Report with { Settings = _settings } };
            (string its, byte[] itsClassifier) = Written(rest);
            Assert.Equal(report, its);
            Assert.Equal(classifier, itsClassifier);
            Assert.Equal(RunContent.Metrics(_folder["whole"]), RunContent.Metrics(_folder[name]));
        }
    }

    [Fact]
    public void A_finished_probe_says_the_same_again_and_a_damaged_state_is_passed_over()
    {
        (string report, _) = Written(Run("a")!);
        Assert.Equal(report, Written(Run("a", resume: true)!).Report);

        string newest = Directory.GetFiles(_folder["a", "checkpoints"], "*.safetensors").Order().Last();
        File.WriteAllBytes(newest, [.. File.ReadAllBytes(newest).Select((b, i) => i == 900 ? (byte)~b : b)]);
        var progress = new SilentWork();
        LinearResult? again =
            LinearProbe.Run(_model, _data, _settings, progress, new RunFolder(_folder["a"]), resume: true);
        Assert.Equal(report, Written(again!).Report);
        Assert.Contains(progress.Lines, line => line.Contains("damaged"));
    }

    [Fact]
    public void A_state_is_not_mistaken_for_another_one()
    {
        Run("a");
        Assert.Contains("go on with --resume", Assert.Throws<RunException>(() => Run("a")).Message);
        LinearSettings other = _settings with { Seed = 1 };
        string message = Assert.Throws<RunException>(
            () => LinearProbe.Run(
                _model, _data, other, new SilentWork(), new RunFolder(_folder["a"]), resume: true)).Message;
        Assert.Contains("other settings, another encoder or other images", message);
        Assert.DoesNotContain('\n', message);
    }

    // A real process, killed at a random moment; another one that is sent a signal; and one that gets to the end.
    [Fact]
    public void A_probe_killed_at_a_random_moment_ends_in_the_same_bits()
    {
        Assert.Equal(0, CommandRunner.Run(Command("whole")).Status);
        int seed = Random.Shared.Next();
        using (CliProcess process = CliProcess.Start(Command("killed", "--resume")))
        {
            WaitForState(process, "killed");
            Thread.Sleep(new Random(seed).Next(30));
            process.Kill();
        }

        using (CliProcess process = CliProcess.Start(Command("killed", "--resume")))
        {
            WaitForState(process, "killed");
            process.Signal("INT");
            (int status, string output, string error) = process.Finish();
            Assert.True((status, error) == (0, ""), $"seed {seed}: {error}");
            Assert.Contains("go on with the same command and --resume", output);
        }

        Assert.Equal(0, CommandRunner.Run(Command("killed", "--resume")).Status);
        foreach (string name in (string[])["linear.json", "classifier.safetensors"])
        {
            Assert.Equal(File.ReadAllBytes(_folder["whole", name]), File.ReadAllBytes(_folder["killed", name]));
        }

        Assert.Empty(Directory.GetFiles(_folder["killed"], "*.tmp", SearchOption.AllDirectories));
    }

    private string[] Command(string name, params string[] more) =>
    [
        "linear", "--checkpoint", _folder["model"], "--data", _folder["data"], "--out", _folder[name], "--epochs", "40",
        "--batch", "8", "--lr", "1,3", "--threads", "1", "--device", "cpu", .. more,
    ];

    private void WaitForState(CliProcess process, string name)
    {
        int before = NewestState(name);
        while (!process.HasExited && NewestState(name) <= before)
        {
            Thread.Sleep(5);
        }
    }

    // The number of the newest one; there are two at most.
    private int NewestState(string name) => !Directory.Exists(_folder[name, "checkpoints"])
        ? 0
        : Directory.GetFiles(_folder[name, "checkpoints"], "*.json")
            .Select(path => int.Parse(Path.GetFileNameWithoutExtension(path)[5..]))
            .DefaultIfEmpty()
            .Max();

    private LinearResult? Run(string name, bool resume = false) =>
        LinearProbe.Run(_model, _data, _settings, new SilentWork(), new RunFolder(_folder[name]), resume);

    private (string Report, byte[] Classifier) Written(LinearResult result)
    {
        string folder = _folder["written"];
        LinearFiles.Write(folder, result.Report, result.Classifier);
        return (
            File.ReadAllText(Path.Combine(folder, "linear.json")),
            File.ReadAllBytes(Path.Combine(folder, "classifier.safetensors")));
    }

    /// <summary>Asks to stop during a step.</summary>
    private sealed class Stopping(int after, CancellationTokenSource stop) : IWorkProgress
    {
        private int _steps;

        public void OnLine(string line)
        {
        }

        public void OnAdvance(double share, string text)
        {
            if (++_steps == after)
            {
                stop.Cancel();
            }
        }
    }
}
