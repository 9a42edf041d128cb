using System.Text.Json.Nodes;
using CudaViT.Cpu;
using CudaViT.Training.Reports.TensorBoard;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.TensorBoard;

public sealed class TensorBoardTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Event_files_say_what_the_metrics_say()
    {
        string settings = TinyRun.WriteSettings(_folder, epochs: 2);
        (int status, _, string error) = CommandRunner.Run(
            "train", "--settings", settings, "--out", _folder["run"], "--device", "cpu", "--monitor", "4",
            "--tensorboard");
        Assert.Equal((0, ""), (status, error));
        List<EventReader.Entry> entries = EventReader.Read(_folder["run", "tensorboard"]);
        foreach (string line in File.ReadLines(_folder["run", "metrics.jsonl"]))
        {
            JsonNode metrics = JsonNode.Parse(line)!;
            Same(metrics["loss"], "loss/contrastive");
            Same(metrics["lossOverCollapse"], "loss/over_collapse");
            Same(metrics["lr"], "schedule/learning_rate");
            Same(metrics["momentum"], "schedule/momentum");
            Same(metrics["outputStd"], "outputs/std");
            Same(metrics["knnAccuracy"], "knn/accuracy");
            Same(metrics["rawPixelAccuracy"], "knn/raw_pixels");
            Same(metrics["monitorAccuracy"], "knn/monitor");
            Same(metrics["timing"]!["waitingShare"], "pace/waiting_share");
            Same(metrics["gradientNorms"]?["blocks"]![1], "gradient_norm/block_01");
            Same(metrics["gradientNorms"]?["heads"], "gradient_norm/heads");

            void Same(JsonNode? expected, string tag)
            {
                if (expected is not null)
                {
                    EventReader.Entry entry = entries.Single(entry =>
                        entry.Tag == tag && entry.Step == (long)metrics["step"]!);
                    Assert.Equal((float)(double)expected, entry.Number);
                }
            }
        }

        Assert.DoesNotContain(entries, entry => entry.Tag == "gradient_norm/patch_projection"); // frozen
        Assert.Equal([0L, 6L, 12L], entries.Where(entry => entry.Tag == "views/1").Select(entry => entry.Step));
        Assert.Equal([6L, 12L], entries.Where(entry => entry.Tag == "attention/1").Select(entry => entry.Step));
        Assert.All(entries.Where(entry => entry.Tag == "attention/1"), entry => Assert.Equal(0x89, entry.Image![0]));
    }

    // The first process makes steps that no checkpoint covers; the second makes them again.
    [Fact]
    public void A_run_that_goes_on_shows_no_step_twice()
    {
        TrainSettings settings = Settings();
        Train("whole", settings);
        Train("a", settings, stopAfter: 9);
        foreach (string file in Directory.GetFiles(_folder["a", "checkpoints"], "*9*"))
        {
            File.Delete(file);
        }

        Train("a", settings, resume: true);
        Assert.Equal(2, Directory.GetFiles(_folder["a", "events"]).Length);
        Assert.Equal(Shown("whole"), Shown("a"));

        // Resumed without a checkpoint it begins anew.
        Train("b", settings, stopAfter: 3);
        Directory.Delete(_folder["b", "checkpoints"], recursive: true);
        Train("b", settings, resume: true);
        Assert.Equal(Shown("whole"), Shown("b"));
    }

    [Fact]
    public void Files_of_one_second_keep_their_order()
    {
        var noon = new Noon();
        for (int i = 0; i < 3; i++)
        {
            EventFile.Create(_folder["events"], firstStep: i, noon).Dispose();
        }

        string[] names = [.. Directory.GetFiles(_folder["events"]).Select(path => Path.GetFileName(path)).Order()];
        Assert.Equal(3, names.Length);
        Assert.All(names, (name, i) => Assert.StartsWith($"events.out.tfevents.{1_800_000_000 + i}.", name));
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_one_note()
    {
        File.WriteAllText(_folder["file"], "");
        var progress = new SilentProgress();
        using var backend = new CpuBackend();
        using var events = new TensorBoardProgress(progress, _folder["file", "events"]);
        Trainer trainer = ReportedRun.Of(Settings(), new RunFolder(_folder["a"]), backend, events, events.OnPictures);
        Assert.True(trainer.Run(resume: false, default).IsComplete);
        Assert.Single(progress.Notes, note => note.Contains("no more events for TensorBoard"));
    }

    [Fact]
    public void The_folder_is_remembered_by_the_run()
    {
        string settings = TinyRun.WriteSettings(_folder, epochs: 1);
        CommandRunner.Run("train", "--settings", settings, "--out", _folder["run"], "--device", "cpu", "--tensorboard");
        CommandRunner.Run("train", "--out", _folder["run"], "--resume", "--device", "cpu");
        Assert.Equal(2, Directory.GetFiles(_folder["run", "tensorboard"]).Length);

        CommandRunner.Run(
            "train", "--settings", settings, "--out", _folder["other"], "--device", "cpu",
            "--tensorboard", _folder["events"]);
        Assert.Single(Directory.GetFiles(_folder["events"]));
        Assert.False(Directory.Exists(_folder["other", "tensorboard"]));
    }

    private TrainSettings Settings()
    {
        TinyRun.WriteData(_folder["data"]);
        return TinyRun.Settings.WithEpochs(2) with
        {
            Data = new DataSettings { Path = _folder["data"] },
            Evaluation = TinyRun.Settings.Evaluation with { MonitorEvery = 2 },
        };
    }

    private (long, string, float?)[] Shown(string name) =>
        [.. EventReader.Read(_folder[name, "events"])
            .Where(entry => entry.Number is not null && !entry.Tag.StartsWith("pace/", StringComparison.Ordinal))
            .Select(entry => (entry.Step, entry.Tag, entry.Number))];

    private void Train(string name, TrainSettings settings, int stopAfter = int.MaxValue, bool resume = false)
    {
        using var stop = new CancellationTokenSource();
        var progress = new SilentProgress(step =>
        {
            if (step.Step == stopAfter)
            {
                stop.Cancel();
            }
        });
        using var backend = new CpuBackend();
        using var events = new TensorBoardProgress(progress, _folder[name, "events"]);
        ReportedRun.Of(settings, new RunFolder(_folder[name]), backend, events, events.OnPictures)
            .Run(resume, stop.Token);
        Assert.DoesNotContain(progress.Notes, note => note.Contains("TensorBoard", StringComparison.Ordinal));
    }

    private sealed class Noon : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    }
}
