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

    private static readonly Dictionary<string, string?> WithoutLibraries = new()
    {
        ["CUDAVIT_TURBOJPEG"] = "/nowhere/libturbojpeg.so.0",
        ["CUDAVIT_LIBPNG"] = "/nowhere/libpng16.so.16",
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Without the libraries, so that it runs everywhere and sees what managed code does with such files.
    [Fact]
    public void Training_and_evaluations_count_and_name_every_image()
    {
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
        Assert.Equal(Count, train + heldOut);
        Assert.InRange(heldOut, 48, 112); // four standard deviations
        Assert.All(content.Damaged, name => Assert.Contains($"{name}: ", output));

        string checkpoint = _folder["run", "final.safetensors"];
        JsonNode knn = JsonNode.Parse(Run(
            "knn", "--checkpoint", checkpoint, "--data", _folder["photos"], "--hold-out", Share, "--device", "cpu",
            "--json"))!;
        Assert.Equal(content.Usable.Count, (int)knn["trainImages"]! + (int)knn["heldOutImages"]!);
        Assert.InRange((int)knn["heldOutImages"]!, heldOut - content.Damaged.Count, heldOut);
        Assert.Equal(
            content.Damaged.Order(),
            knn["leftOut"]!.AsArray().Select(image => Below((string)image!["name"]!)).Order());
        Assert.Equal(content.Classes, knn["classes"]!.AsArray().Count);

        Run(
            "features", "--checkpoint", checkpoint, "--data", _folder["photos"], "--hold-out", Share, "--device", "cpu",
            "--out", _folder["features"]);
        string[][] rows = [.. File.ReadLines(_folder["features", "index.csv"]).Skip(1).Select(line => line.Split(','))];
        Assert.Equal(content.Usable.Order(), rows.Select(row => row[1]).Order());
        Assert.All(rows, row => Assert.Equal(row[1].Split('/')[0], row[3]));
    }

    private string Below(string path) =>
        Path.GetRelativePath(_folder["photos"], path).Replace(Path.DirectorySeparatorChar, '/');

    private static (int Train, int HeldOut) Parts(string[] lines)
    {
        string[] words = lines.Single(line => line.Contains("images to train on", StringComparison.Ordinal)).Split(' ');
        return (int.Parse(words[0]), int.Parse(words[5]));
    }

    private static string Run(params string[] args)
    {
        (int status, string output, string error) = CliProcess.Run(WithoutLibraries, args);
        Assert.True(status == 0, error);
        return output;
    }
}
