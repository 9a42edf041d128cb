using System.Runtime.InteropServices;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Cli;

/// <summary>Whether images are turned upright, from the command line to the features.</summary>
public sealed class ExifOrientationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Turned on request, and without one where the model was trained so.
    [SkippableFact]
    public void Images_are_turned_on_request_or_as_in_the_training()
    {
        ImageCodecs.Require();
        Directory.CreateDirectory(_folder["data"]);
        foreach (string name in (string[])["exif_1.jpg", "exif_3.jpg", "exif_8.png"])
        {
            File.Copy(Fixtures.Shipped("images", name), _folder["data", name]);
        }

        float[][] stored = Features(Model("stored", isTurned: false));
        float[][] upright = Features(Model("stored", isTurned: false), "--exif-orientation");
        float[][] trained = Features(Model("turned", isTurned: true));
        Assert.Equal(stored[0], upright[0]); // says that it is upright
        Assert.NotEqual(stored[1], upright[1]);
        Assert.NotEqual(stored[2], upright[2]);
        Assert.Equal(upright, trained);
    }

    private string Model(string name, bool isTurned)
    {
        using TestRun run = Backends.Open(Backends.Cpu);
        return ModelFile.Write(
            _folder[name],
            run.Backend,
            TinyRun.Settings.Model with { Channels = 3 },
            data: new DataSettings { ExifOrientation = isTurned });
    }

    private float[][] Features(string model, params string[] more)
    {
        string folder = _folder["features"];
        (int status, _, string error) = CommandRunner.Run(
            [
                "features", "--checkpoint", model, "--data", _folder["data"], "--out", folder, "--device", "cpu",
                .. more,
            ]);
        Assert.True(status == 0, error);
        using SafetensorsFile file = SafetensorsFile.Open(Directory.GetFiles(folder, "*.safetensors")[0]);
        SafetensorsTensor tensor = file.Tensors.Single(tensor => tensor.Name == "train.features");
        float[] values = MemoryMarshal.Cast<byte, float>(file.ReadBytes("train.features")).ToArray();
        return [.. values.Chunk((int)tensor.Shape[1])];
    }
}
