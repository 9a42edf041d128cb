using System.Text.Json.Nodes;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Cli;

/// <summary>
/// A machine without libjpeg-turbo and libpng: managed code takes their place and says so once, unless told that
/// nothing but the libraries will do.
/// </summary>
public sealed class MissingLibraryTests : IDisposable
{
    private static readonly Dictionary<string, string?> Nothing = new()
    {
        ["CUDAVIT_TURBOJPEG"] = "/nonexistent",
        ["CUDAVIT_LIBPNG"] = "/nonexistent",
    };

    private readonly TemporaryFolder _folder = new();

    public MissingLibraryTests()
    {
        foreach (string place in (string[])["train/a", "train/b", "val/a", "val/b"])
        {
            Directory.CreateDirectory(_folder["data", place]);
            foreach (string name in (string[])["444.jpg", "420.jpg", "grey.jpg", "progressive.jpg"])
            {
                File.Copy(Fixtures.Shipped("images", name), _folder["data", place, name]);
            }
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("train", "--batch", "2", "--out", "results")]
    [InlineData("knn")]
    [InlineData("linear", "--out", "results")]
    [InlineData("features", "--out", "results")]
    [InlineData("finetune", "--out", "results", "--batch", "2")]
    public void Who_insists_on_the_library_is_told_when_the_data_are_opened(params string[] command)
    {
        string[] args = [.. command.Select(arg => arg == "results" ? _folder["results"] : arg)];
        if (command[0] != "train")
        {
            // The header says what model it is, but there is no tensor of it: whoever builds the model says so.
            args = [.. args, "--checkpoint", Empty()];
        }

        (int status, string output, string error) = CliProcess.Run(
            Nothing, [.. args, "--data", _folder["data"], "--decoder", "native"]);
        Assert.NotEqual(0, status);
        CommandRunner.AssertOneLine(error);
        Assert.Contains("libturbojpeg was not found (tried /nonexistent)", error);
        Assert.Contains("Install it", error);
        Assert.Contains("--decoder managed", error);
        Assert.Equal("", output);
        Assert.False(Directory.Exists(_folder["results"]));
    }

    [Fact]
    public void A_folder_of_photographs_trains_all_the_same()
    {
        File.Copy(Fixtures.Shipped("images", "rgb.png"), _folder["data", "train", "a", "rgb.png"]);
        (string output, string error) = Succeed(Nothing, [.. Train("mine"), "--checkpoint-every", "2"]);
        Assert.Contains("9 images to train on, 8 held out", output);
        string[] notes = error.TrimEnd().Split('\n');
        Assert.Equal(2, notes.Length);
        Assert.StartsWith("cudavit: libturbojpeg was not found (tried /nonexistent); managed code decodes", notes[0]);
        Assert.StartsWith("cudavit: libpng16 was not found (tried /nonexistent); managed code decodes", notes[1]);

        // What the bytes depend on is kept with the run and with the model, and is done again without a word.
        string settings = _folder["mine", "settings.json"];
        Assert.Equal("managed", (string?)JsonNode.Parse(File.ReadAllText(settings))!["data"]!["decoder"]);
        string model = _folder["mine", "final.safetensors"];
        (_, error) = Succeed([], "knn", "--checkpoint", model, "--data", _folder["data"], "--device", "cpu");
        Assert.Equal("", error);
        Assert.Equal(Features(model, "with"), Features(model, "without", Nothing));
        (_, error) = Succeed(Nothing, Resume("mine"));
        Assert.Equal("", error);

        // A run that managed code was asked for from the beginning is the same run.
        Succeed([], [.. Train("asked"), "--decoder", "managed"]);
        Assert.Equal(File.ReadAllBytes(model), File.ReadAllBytes(_folder["asked", "final.safetensors"]));
    }

    [SkippableFact]
    public void Another_decoder_than_that_of_the_training_is_told()
    {
        ImageCodecs.Require();
        Succeed([], Train("native"));
        string settings = File.ReadAllText(_folder["native", "settings.json"]);
        Assert.Equal("native", (string?)JsonNode.Parse(settings)!["data"]!["decoder"]);
        (int status, _, string error) = CliProcess.Run(Nothing, Resume("native"));
        Assert.NotEqual(0, status);
        Assert.Contains("--decoder managed", error);
        (_, error) = Succeed(Nothing, [.. Resume("native"), "--decoder", "managed"]);
        Assert.Contains("libturbojpeg decoded those of the training", error);

        Succeed([], [.. Train("managed"), "--decoder", "managed"]);
        string model = _folder["managed", "final.safetensors"];
        foreach (string command in (string[])["knn", "features"])
        {
            string[] results = command == "knn" ? [] : ["--out", _folder["other"]];
            (_, error) = Succeed(
                [], [command, "--checkpoint", model, "--data", _folder["data"], "--decoder", "native", .. results]);
            CommandRunner.AssertOneLine(error);
            Assert.Contains("managed code decoded the JPEG files of the training", error);
        }
    }

    [Fact]
    public void A_single_photograph_is_no_data_set()
    {
        (int status, _, string error) = CliProcess.Run("train", "--data", _folder["data", "train", "a", "444.jpg"]);
        Assert.NotEqual(0, status);
        CommandRunner.AssertOneLine(error);
        Assert.Contains("a single image", error);
        Assert.Contains("name the folder", error);
    }

    private string[] Train(string run)
    {
        TrainSettings settings = TinyRun.Settings with
        {
            Recipe = TinyRun.Settings.Recipe with { Batch = 4, Epochs = 2 },
            Evaluation = TinyRun.Settings.Evaluation with { Neighbours = 2, Batch = 2 },
        };
        File.WriteAllText(_folder["tiny.json"], SettingsJson.Write(settings));
        return
        [
            "train", "--settings", _folder["tiny.json"], "--data", _folder["data"], "--out", _folder[run],
            "--device", "cpu",
        ];
    }

    private string[] Resume(string run) => ["train", "--resume", "--out", _folder[run], "--device", "cpu"];

    private byte[] Features(string model, string name, Dictionary<string, string?>? environment = null)
    {
        string folder = _folder[name];
        Succeed(
            environment ?? [],
            "features", "--checkpoint", model, "--data", _folder["data"], "--out", folder, "--device", "cpu");
        return File.ReadAllBytes(Directory.GetFiles(folder, "*.safetensors")[0]);
    }

    private static (string Output, string Error) Succeed(Dictionary<string, string?> environment, params string[] args)
    {
        (int status, string output, string error) = CliProcess.Run(environment, args);
        Assert.True(status == 0, error);
        return (output, error);
    }

    private string Empty()
    {
        using (FileStream stream = File.Create(_folder["empty.safetensors"]))
        {
            TensorFile.Write(stream, [], new Dictionary<string, string>
            {
                [TrainSettings.MetadataKey] = SettingsJson.Write(new TrainSettings()),
            });
        }

        return _folder["empty.safetensors"];
    }
}
