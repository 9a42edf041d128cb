using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Images;

/// <summary>The whole way from JPEG files to an accuracy, with the real program.</summary>
public sealed class SceneTrainingTests : IDisposable
{
    private const int TrainCount = 2000;
    private const int HeldOutCount = 200;
    private const ulong Seed = 2026;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [SkippableFact]
    public void A_folder_and_its_archives_train_to_the_same_bits()
    {
        ImageCodecs.Require();
        IReadOnlyList<(int, string, byte[])> train = SceneFiles.Draw(TrainCount, Seed);
        IReadOnlyList<(int, string, byte[])> heldOut = SceneFiles.Draw(HeldOutCount, Seed + 1);
        SceneFiles.WriteFolder(_folder["folder"], "train", train);
        SceneFiles.WriteFolder(_folder["folder"], "val", heldOut);
        SceneFiles.WriteShards(_folder["shards"], "train", train, filesPerShard: 300);
        SceneFiles.WriteShards(_folder["shards"], "val", heldOut, filesPerShard: 300);
        File.WriteAllText(_folder["tiny.json"], SettingsJson.Write(Settings()));

        JsonNode fromFolder = Train("folder");
        JsonNode fromShards = Train("shards");

        Assert.Equal(
            File.ReadAllBytes(_folder["run-folder", "final.safetensors"]),
            File.ReadAllBytes(_folder["run-shards", "final.safetensors"]));
        Assert.Equal(fromFolder["knn"]!.ToJsonString(), fromShards["knn"]!.ToJsonString());
        JsonNode twenty = fromFolder["knn"]!.AsArray().Single(score => (int)score!["k"]! == 20)!;
        Assert.InRange((double)twenty["accuracy"]!, 0.2, 1); // ten classes; colours say nothing

        JsonNode tunedOnFolder = Tune("folder");
        JsonNode tunedOnShards = Tune("shards");
        foreach (string part in (string[])["history", "confusion"]) // archives do not name their classes
        {
            Assert.Equal(
                tunedOnFolder["weights"]![part]!.ToJsonString(), tunedOnShards["weights"]![part]!.ToJsonString());
        }

        Assert.Equal(
            File.ReadAllBytes(_folder["tuned-folder", "final.safetensors"]),
            File.ReadAllBytes(_folder["tuned-shards", "final.safetensors"]));
        Assert.Equal(
            HeldOutCount,
            tunedOnFolder["weights"]!["confusion"]!.AsArray().Sum(row => row!.AsArray().Sum(n => (int)n!)));
    }

    [SkippableFact]
    public void Damaged_files_are_listed_at_the_end_and_too_many_stop_the_run()
    {
        ImageCodecs.Require();
        SceneFiles.WriteFolder(_folder["folder"], "train", SceneFiles.Draw(200, Seed));
        string[] files = [.. Directory.GetFiles(_folder["folder"], "*.jpg", SearchOption.AllDirectories).Order()];
        File.WriteAllBytes(files[7], File.ReadAllBytes(files[7])[..500]);
        File.WriteAllText(files[80], "not an image");
        if (!OperatingSystem.IsWindows())
        {
            File.Move(files[80], files[80].Replace(".jpg", "\u001b.jpg", StringComparison.Ordinal));
        }

        File.WriteAllText(_folder["tiny.json"], SettingsJson.Write(Settings()));
        (int status, string output, string error) = CliProcess.Run(
            "train", "--settings", _folder["tiny.json"], "--data", _folder["folder"], "--out", _folder["run"],
            "--device", "cpu");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("2 of 200 images could not be decoded", output);
        Assert.Contains($"{files[7]}: the file is cut short", output);
        string shown = OperatingSystem.IsWindows()
            ? files[80]
            : files[80].Replace(".jpg", "?.jpg", StringComparison.Ordinal);
        Assert.Contains($"{shown}: the content is none of JPEG, PNG, WebP, GIF, BMP and TIFF", output);

        (status, _, error) = CliProcess.Run(
            "features", "--checkpoint", _folder["run", "final.safetensors"], "--data", _folder["folder"],
            "--out", _folder["features"], "--device", "cpu");
        Assert.Equal((0, ""), (status, error));
        using (var features = SafetensorsFile.Open(_folder["features", "features.safetensors"]))
        {
            Assert.Equal(198, features["train.features"].Shape[0]); // those two have no row
            ReadOnlySpan<float> rows = MemoryMarshal.Cast<byte, float>(features.ReadBytes("train.features"));
            Assert.DoesNotContain(float.NaN, rows.ToArray());
        }

        File.WriteAllBytes(files[150], []);
        (status, _, error) = CliProcess.Run(
            "train", "--settings", _folder["tiny.json"], "--data", _folder["folder"], "--out", _folder["again"],
            "--device", "cpu");
        Assert.Equal(1, status);
        Assert.Contains("3 of 200 images cannot be decoded", error);
        Assert.Contains(files[150], error);
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    [Fact]
    public void A_missing_decoder_is_an_error_that_names_the_package()
    {
        SceneFiles.WriteFolder(_folder["folder"], "train", SceneFiles.Draw(100, Seed));
        File.WriteAllText(_folder["tiny.json"], SettingsJson.Write(Settings()));
        var environment = new Dictionary<string, string?> { ["CUDAVIT_TURBOJPEG"] = "/nowhere/libturbojpeg.so.0" };
        (int status, string _, string error) = CliProcess.Run(
            environment,
            "train", "--settings", _folder["tiny.json"], "--data", _folder["folder"], "--out", _folder["run"],
            "--device", "cpu", "--decoder", "native");
        Assert.Equal(1, status);
        Assert.Contains("libturbojpeg was not found", error);
        Assert.Contains("/nowhere/libturbojpeg.so.0", error);
        Assert.True(!OperatingSystem.IsLinux() || error.Contains("apt-get install libturbojpeg0"));
        Assert.Single(error.TrimEnd().Split('\n'));
    }

    private JsonNode Train(string data)
    {
        (int status, string _, string error) = CliProcess.Run(
            "train", "--settings", _folder["tiny.json"], "--data", _folder[data], "--out", _folder[$"run-{data}"],
            "--device", "cpu", "--workers", data == "folder" ? "1" : "2");
        Assert.Equal((0, ""), (status, error));
        string checkpoint = _folder[$"run-{data}", "final.safetensors"];
        (status, string output, error) = CliProcess.Run(
            "knn", "--checkpoint", checkpoint, "--data", _folder[data], "--device", "cpu", "--json");
        Assert.Equal((0, ""), (status, error));
        return JsonNode.Parse(output)!;
    }

    private JsonNode Tune(string data)
    {
        (int status, string output, string error) = CliProcess.Run(
            "finetune", "--checkpoint", _folder["run-folder", "final.safetensors"], "--data", _folder[data],
            "--out", _folder[$"tuned-{data}"], "--device", "cpu", "--workers", data == "folder" ? "1" : "2",
            "--epochs", "1", "--batch", "100", "--limit", "500", "--json");
        Assert.Equal((0, ""), (status, error));
        return JsonNode.Parse(output)!;
    }

    private static TrainSettings Settings() => new()
    {
        Model = new ModelSettings
        {
            ImageSize = 32,
            Patch = 8,
            Width = 48,
            Depth = 2,
            Heads = 3,
            FreezePatch = true,
            HeadHidden = 64,
            HeadOutput = 32,
        },
        Recipe = new RecipeSettings
        {
            Batch = 100,
            Epochs = 1,
            WarmupEpochs = 0.2,
            BaseLearningRate = 2e-3,
            CropMinimum = 0.3,
        },
        Views = new ViewSettings { BlurProbabilityA = 0.5 },
    };
}
