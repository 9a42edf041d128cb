using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Cli;

/// <summary>A machine without libjpeg-turbo: told in one line, before anything is built or written.</summary>
public sealed class MissingLibraryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public MissingLibraryTests()
    {
        foreach (string place in (string[])["train/a", "train/b", "val/a", "val/b"])
        {
            Directory.CreateDirectory(_folder["data", place]);
            File.Copy(Fixtures.Shipped("images", "444.jpg"), _folder["data", place, "1.jpg"]);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("train", "--batch", "2", "--out", "results")]
    [InlineData("knn")]
    [InlineData("linear", "--out", "results")]
    [InlineData("features", "--out", "results")]
    [InlineData("finetune", "--out", "results", "--batch", "2")]
    public void It_is_reported_when_the_data_are_opened(params string[] command)
    {
        string[] args = [.. command.Select(arg => arg == "results" ? _folder["results"] : arg)];
        if (command[0] != "train")
        {
            // The header says what model it is, but there is no tensor of it: whoever builds the model says so.
            args = [.. args, "--checkpoint", Empty()];
        }

        (int status, string output, string error) = CliProcess.Run(
            new Dictionary<string, string?> { ["CUDAVIT_TURBOJPEG"] = "/nonexistent" },
            [.. args, "--data", _folder["data"]]);
        Assert.NotEqual(0, status);
        CommandRunner.AssertOneLine(error);
        Assert.Contains("libturbojpeg was not found (tried /nonexistent)", error);
        Assert.Contains("Install it", error);
        Assert.Equal("", output);
        Assert.False(Directory.Exists(_folder["results"]));
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
