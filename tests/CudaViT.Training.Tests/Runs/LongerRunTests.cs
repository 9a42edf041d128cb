using System.Text.Json.Nodes;
using CudaViT.Cpu;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

/// <summary>Runs that are complete: gone on with, and extended.</summary>
public sealed class LongerRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new(threads: 1);
    private readonly TrainSettings _settings;

    public LongerRunTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings.WithEpochs(2) with { Data = new DataSettings { Path = _folder["data"] } };
    }

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_complete_run_says_that_nothing_is_left_to_do_and_stays_as_it_is()
    {
        Train("a", _settings);
        byte[] report = File.ReadAllBytes(_folder["a", "report.html"]);
        byte[] metrics = File.ReadAllBytes(_folder["a", "metrics.jsonl"]);
        File.Delete(_folder["a", "final.safetensors"]);

        var steps = new List<StepMetrics>();
        var progress = new SilentProgress(steps.Add);
        Assert.True(Train("a", _settings, resume: true, progress).IsComplete);
        string note = Assert.Single(progress.Notes, note => note.Contains("nothing is left to do"));
        Assert.Contains("all 2 epochs (12 steps) are done", note);
        Assert.Contains("--extend", note);
        Assert.Contains($"--init {_folder["a", "final.safetensors"]}", note);
        Assert.Empty(steps);
        Assert.Equal(report, File.ReadAllBytes(_folder["a", "report.html"]));
        Assert.Equal(metrics, File.ReadAllBytes(_folder["a", "metrics.jsonl"]));
        Assert.True(File.Exists(_folder["a", "final.safetensors"])); // a process may have died before it
    }

    // From where it stands, the rate is that of a run of the new length; the warm-up behind it was the short run's.
    [Fact]
    public void An_extended_run_follows_the_schedules_of_its_new_length_and_goes_on_with_the_same_bits()
    {
        Train("short", _settings);
        Train("long", _settings.Lengthened(4));
        foreach (string name in (string[])["whole", "stopped"])
        {
            Copy("short", name);
        }

        TrainSettings longer = Extended("whole", 4);
        var progress = new SilentProgress();
        Assert.True(Train("whole", longer, resume: true, progress).IsComplete);
        Assert.Contains(progress.Notes, note => note.Contains("was begun with 2 epochs and goes on to 4"));
        Assert.Equal(24 + 5, RunContent.Metrics(_folder["whole"]).Length);
        Assert.Equal(Rates("short"), Rates("whole")[..12]);
        Assert.Equal(Rates("long")[12..], Rates("whole")[12..]);
        Assert.True(Rates("whole")[12] > Rates("whole")[11]); // it rises again

        // Stopped within, before any checkpoint of the longer run was due, and gone on with as any other run.
        Train("stopped", Extended("stopped", 4), resume: true, stopAfter: 13);
        Assert.Equal(longer.Recipe, SettingsRequest.Read(new RunFolder(_folder["stopped"])).Recipe);
        Train("stopped", SettingsRequest.Read(new RunFolder(_folder["stopped"])), resume: true);
        RunContent.AssertSame(_folder["whole"], _folder["stopped"]);
    }

    // Killed after the settings were written and before there was a checkpoint of the new length.
    [Fact]
    public void An_extended_run_that_was_killed_at_once_still_goes_on()
    {
        Train("a", _settings);
        new RunFolder(_folder["a"]).WriteSettings(Extended("a", 3));
        Assert.True(Train("a", Extended("a", 3), resume: true).IsComplete);
        Assert.Equal(18 + 4, RunContent.Metrics(_folder["a"]).Length);
    }

    [Fact]
    public void Only_the_length_may_be_another_and_only_a_longer_one()
    {
        Train("a", _settings);
        var folder = new RunFolder(_folder["a"]);
        string message = Assert.Throws<SettingsException>(() => Extended("a", 1)).Message;
        Assert.Contains("--extend is 1, but the run has 2 epochs already", message);
        message = Assert.Throws<SettingsException>(
            () => new SettingsRequest { Epochs = 4 }.ResolveOver(SettingsRequest.Read(folder))).Message;
        Assert.Contains("go on for longer with --extend 4", message);

        TrainSettings other = Extended("a", 4) with { Seed = 1 };
        Assert.Contains("other settings", Assert.Throws<RunException>(() => Train("a", other, resume: true)).Message);
    }

    [Fact]
    public void The_command_line_extends_runs_of_both_kinds_and_twice_is_once()
    {
        string settings = TinyRun.WriteSettings(_folder, epochs: 1);
        Run("train", "--settings", settings, "--out", _folder["a"], "--device", "cpu");
        Run("train", "--out", _folder["a"], "--extend", "2", "--device", "cpu");
        string output = Run("train", "--out", _folder["a"], "--extend", "2", "--device", "cpu");
        Assert.Contains("nothing is left to do", output);
        Assert.Equal(12 + 3, RunContent.Metrics(_folder["a"]).Length);

        FineTuneSettings tuning = TinyTuning.Prepare(_folder, _backend, epochs: 1);
        File.WriteAllText(_folder["tuning.json"], SettingsJson.Write(tuning));
        Run("finetune", "--settings", _folder["tuning.json"], "--out", _folder["b"], "--device", "cpu");
        output = Run("finetune", "--out", _folder["b"], "--extend", "2", "--device", "cpu");
        Assert.Contains("after epoch 2", output);
        Assert.Equal(2, FineTuneRequest.Read(new RunFolder(_folder["b"])).Recipe.Epochs);

        (int status, _, string error) =
            CommandRunner.Run("train", "--out", _folder["none"], "--extend", "2", "--device", "cpu");
        Assert.Equal(1, status);
        Assert.Contains("there is no run to extend", error);

        static string Run(params string[] arguments)
        {
            (int status, string output, string error) = CommandRunner.Run(arguments);
            Assert.Equal((0, ""), (status, error));
            return output;
        }
    }

    private double[] Rates(string name) => [.. RunContent.Metrics(_folder[name])
        .Select(line => JsonNode.Parse(line)!["lr"]).OfType<JsonNode>().Select(rate => (double)rate)];

    private TrainSettings Extended(string name, int epochs) =>
        new SettingsRequest { Extend = epochs }.ResolveOver(SettingsRequest.Read(new RunFolder(_folder[name])));

    private void Copy(string from, string to)
    {
        foreach (string path in Directory.GetFiles(_folder[from], "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(_folder[to], Path.GetRelativePath(_folder[from], path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
    }

    private TrainingResult Train(
        string name,
        TrainSettings settings,
        bool resume = false,
        SilentProgress? progress = null,
        int stopAfter = int.MaxValue)
    {
        using var stop = new CancellationTokenSource();
        progress ??= new SilentProgress(step =>
        {
            if (step.Step == stopAfter)
            {
                stop.Cancel();
            }
        });
        return ReportedRun.Of(settings, new RunFolder(_folder[name]), _backend, progress).Run(resume, stop.Token);
    }
}
