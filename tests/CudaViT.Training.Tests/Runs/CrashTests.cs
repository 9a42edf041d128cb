using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

/// <summary>
/// Kills real training processes. A checkpoint after every step makes most kills hit one that is being written.
/// </summary>
public sealed class CrashTests : IClassFixture<CrashTests.Undisturbed>
{
    private const int Epochs = 25;
    private readonly Undisturbed _undisturbed;

    public CrashTests(Undisturbed undisturbed) => _undisturbed = undisturbed;

    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 1)]
    [InlineData(5, 2)]
    public void A_run_killed_at_random_moments_ends_in_the_same_bits(int workers, int threads)
    {
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        using var folder = new TemporaryFolder();
        for (int kill = 0; kill < 4; kill++)
        {
            using CliProcess process = Start(folder.Path, workers, threads);
            int after = random.Next(1, 4 * Epochs);
            WaitForLines(process, folder.Path, after);
            Thread.Sleep(random.Next(30));
            process.Kill();
        }

        using CliProcess last = Start(folder.Path, workers, threads);
        (int status, string output, string error) = last.Finish();
        Assert.True(status == 0, $"seed {seed}: {error}");
        Assert.True(output.Contains("going on after step", StringComparison.Ordinal), $"seed {seed}: {output}");
        RunContent.AssertSame(_undisturbed.Run, folder.Path);
        Assert.Empty(Directory.GetFiles(folder.Path, "*.tmp", SearchOption.AllDirectories));
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public void A_signal_finishes_the_step_and_saves(string signal)
    {
        using var folder = new TemporaryFolder();
        using CliProcess process = Start(folder.Path, workers: 1, threads: 1);
        WaitForLines(process, folder.Path, 20);
        process.Signal(signal);
        (int status, string output, string error) = process.Finish();
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("finishing the step", output);
        Assert.Contains($"go on with: cudavit train --out {folder.Path} --resume", output);

        (status, _, error) = CliProcess.Run("train", "--out", folder.Path, "--resume"); // as the line says
        Assert.Equal((0, ""), (status, error));
        RunContent.AssertSame(_undisturbed.Run, folder.Path);
    }

    // The evaluation before the first step of a large model takes minutes here: nobody has to wait for it.
    [Fact]
    public void The_first_signal_is_answered_at_once_and_the_second_one_ends_the_process()
    {
        using var folder = new TemporaryFolder();
        using CliProcess process = CliProcess.Start(
            "train", "--preset", "vit-s-300", "--batch", "64", "--set", "evaluation.batch=8", "--device", "cpu",
            "--out", folder["run"]);
        process.WaitFor("8000 images to train on");
        process.Signal("INT");
        process.WaitFor("finishing the step; again to leave now");
        Assert.False(process.HasExited);
        process.Signal("INT");
        (int status, string output, _) = process.Finish();
        Assert.NotEqual(0, status);
        Assert.DoesNotContain("stopped after step", output);
    }

    // As timeout(1) and job systems send it, to the process and to its group.
    [Fact]
    public void Two_signals_to_end_at_once_are_one()
    {
        using var folder = new TemporaryFolder();
        using CliProcess process = CliProcess.Start(
            "train", "--settings", _undisturbed.Settings, "--out", folder["run"], "--set", "recipe.epochs=1000");
        process.WaitFor("images to train on");
        process.Signal("TERM");
        process.Signal("TERM");
        (int status, string output, string error) = process.Finish();
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("everything is saved", output);
    }

    private CliProcess Start(string folder, int workers, int threads) => CliProcess.Start(
        "train", "--settings", _undisturbed.Settings, "--out", folder, "--resume",
        "--checkpoint-every", "1", "--workers", $"{workers}", "--threads", $"{threads}");

    // Lines reach the file with each checkpoint. A resumed run starts with those that it has.
    private static void WaitForLines(CliProcess process, string folder, int more)
    {
        int before = Lines(folder);
        while (!process.HasExited && Lines(folder) < before + more)
        {
            Thread.Sleep(5);
        }
    }

    private static int Lines(string folder)
    {
        string path = Path.Combine(folder, "metrics.jsonl");
        if (!File.Exists(path))
        {
            return 0;
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Count(c => c == '\n');
    }

    /// <summary>The run that nobody disturbs, made once.</summary>
    public sealed class Undisturbed : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Undisturbed()
        {
            Settings = TinyRun.WriteSettings(_folder, Epochs);
            (int status, _, string error) = CliProcess.Run(
                "train", "--settings", Settings, "--out", Run, "--workers", "1", "--threads", "1");
            Assert.True(status == 0, error);
        }

        public string Settings { get; }

        public string Run => _folder["run"];

        public void Dispose() => _folder.Dispose();
    }
}
