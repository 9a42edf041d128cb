using System.Text.Json.Nodes;
using CudaViT.TestKit;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Images;

/// <summary>A folder as people have them, through the real program: every image is used or spoken of.</summary>
public sealed class AwkwardFolderTests : IDisposable
{
    private const int Count = 400;
    private const string Share = "0.2";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void Training_and_evaluations_count_every_image()
    {
        ImageCodecs.Require();
        AwkwardScenesContent content = AwkwardScenes.Write(_folder["photos"], Count, seed: 7);
        File.WriteAllText(_folder["tiny.json"], SettingsJson.Write(TinyRun.Settings.WithEpochs(1) with
        {
            Recipe = TinyRun.Settings.Recipe with { Epochs = 1, WarmupEpochs = 0, Batch = 100 },
        }));

        string output = Run(
            "train", "--settings", _folder["tiny.json"], "--data", _folder["photos"], "--hold-out", Share,
            "--out", _folder["run"], "--device", "cpu");
        string[] lines = [.. output.Split('\n').Select(line => line.TrimEnd('\r'))];
        Assert.Contains(content.Summary, lines);
        (int train, int heldOut) = Parts(lines);
        Assert.Equal(content.Images, train + heldOut);
        Assert.InRange(heldOut, 48, 112); // four standard deviations
        JsonNode settings = JsonNode.Parse(File.ReadAllText(_folder["run", "settings.json"]))!;
        Assert.Equal(0.2, (double)settings["data"]!["holdOut"]!);

        string checkpoint = _folder["run", "final.safetensors"];
        JsonNode knn = JsonNode.Parse(Run(
            "knn", "--checkpoint", checkpoint, "--data", _folder["photos"], "--hold-out", Share, "--device", "cpu",
            "--json"))!;
        Assert.Equal((train, heldOut), ((int)knn["trainImages"]!, (int)knn["heldOutImages"]!));
        Assert.Equal(content.Damaged, knn["leftOut"]!.AsArray().Count);
        Assert.Equal(content.Classes, knn["classes"]!.AsArray().Count);

        output = Run(
            "features", "--checkpoint", checkpoint, "--data", _folder["photos"], "--labels", "none", "--device", "cpu",
            "--out", _folder["features"]);
        Assert.Contains(
            $"{content.Images + 2:n0} images in ", output); // the two beside the class folders, too
        Assert.Equal(
            content.Damaged,
            output.Split('\n').Count(line => line.StartsWith("left out ", StringComparison.Ordinal)));
    }

    private static (int Train, int HeldOut) Parts(string[] lines)
    {
        string[] words = lines.Single(line => line.Contains("images to train on", StringComparison.Ordinal)).Split(' ');
        return (int.Parse(words[0]), int.Parse(words[5]));
    }

    private static string Run(params string[] args)
    {
        (int status, string output, string error) = CliProcess.Run(args);
        Assert.Equal((0, ""), (status, error));
        return output;
    }
}
