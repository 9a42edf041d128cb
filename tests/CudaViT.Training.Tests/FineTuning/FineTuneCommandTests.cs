using System.Text.Json.Nodes;
using CudaViT.Cpu;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.FineTuning;

/// <summary>The real program, interrupted and not.</summary>
public sealed class FineTuneCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public FineTuneCommandTests()
    {
        using var backend = new CpuBackend();
        FineTuneSettings settings = TinyTuning.Prepare(_folder, backend, epochs: 8);
        File.WriteAllText(_folder["tiny.json"], SettingsJson.Write(settings));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_killed_at_random_moments_ends_in_the_same_bits()
    {
        Finish("whole", "--threads", "1");
        int seed = Random.Shared.Next();
        var random = new Random(seed);
        for (int kill = 0; kill < 3; kill++)
        {
            using CliProcess process = CliProcess.Start(Arguments("killed", "--checkpoint-every", "1", "--resume"));
            int before = Lines("killed");
            int more = random.Next(1, 20);
            while (!process.HasExited && Lines("killed") < before + more)
            {
                Thread.Sleep(5);
            }

            Thread.Sleep(random.Next(30));
            process.Kill();
        }

        string output = Finish("killed", "--checkpoint-every", "1", "--resume", "--workers", "2");
        Assert.True(output.Contains("going on after step", StringComparison.Ordinal), $"seed {seed}: {output}");
        RunContent.AssertSame(_folder["whole"], _folder["killed"]);
        Assert.Empty(Directory.GetFiles(_folder["killed"], "*.tmp", SearchOption.AllDirectories));
    }

    [Fact]
    public void What_is_printed_says_how_it_went()
    {
        string output = Finish("text", "--epochs", "1");
        Assert.Contains("after epoch 1", output);
        Assert.Contains("average top-1", output);
        Assert.Contains("class 2", output);
        Assert.Contains("weights: top-1", output);
        JsonNode report = JsonNode.Parse(Finish("json", "--epochs", "1", "--json"))!;
        Assert.Equal(3, report["weights"]!["classes"]!.AsArray().Count);
        Assert.Equal(TinyRun.StepsPerEpoch + 1, Lines("json"));
    }

    [Fact]
    public void Mistakes_are_one_line()
    {
        Refused("--checkpoint is missing", "finetune", "--out", _folder["a"]);
        Refused("expected one of imagenet, cifar10", "finetune", "--out", _folder["a"], "--recipe", "mnist");
        Refused("expected a number of at least 0", "finetune", "--out", _folder["a"], "--layer-decay", "x");
        Refused("recipe.layerDecay is 2", Arguments("a", "--layer-decay", "2"));
        Refused("fewer than one batch of 500", Arguments("a", "--batch", "500"));
        File.WriteAllText(_folder["wrong.json"], "{ \"recipe\": { \"mixUp\": 1 } }");
        Refused(
            "recipe.mixUp", "finetune", "--checkpoint", _folder["start.safetensors"], "--out", _folder["a"],
            "--settings", _folder["wrong.json"]);
        Assert.False(Directory.Exists(_folder["a"]));

        Finish("done", "--epochs", "1");
        Refused("there is a run in this folder already", Arguments("done"));
        Refused(
            "the run was started with 0; expected the same", "finetune", "--out", _folder["done"], "--resume",
            "--seed", "1");
    }

    private static void Refused(string part, params string[] arguments)
    {
        (int status, _, string error) = CommandRunner.Run(arguments);
        Assert.NotEqual(0, status);
        Assert.Contains(part, error);
        CommandRunner.AssertOneLine(error);
    }

    private string Finish(string name, params string[] more)
    {
        (int status, string output, string error) = CliProcess.Run(Arguments(name, more));
        Assert.Equal((0, ""), (status, error));
        return output;
    }

    private string[] Arguments(string name, params string[] more) =>
        ["finetune", "--settings", _folder["tiny.json"], "--out", _folder[name], "--device", "cpu", .. more];

    private int Lines(string name)
    {
        string path = _folder[name, "metrics.jsonl"];
        if (!File.Exists(path))
        {
            return 0;
        }

        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd().Count(c => c == '\n');
    }
}
