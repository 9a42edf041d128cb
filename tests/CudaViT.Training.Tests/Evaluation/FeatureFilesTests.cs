using System.Text;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Features;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Evaluation;

public sealed class FeatureFilesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Both_kinds_of_files_hold_the_features_and_labels_of_all_images()
    {
        TinyRun.WriteData(_folder["data"]);
        DatasetSplits data = DatasetLocator.Open(_folder["data"]);
        TrainedModel model = TrainedModel.Open(
            ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model), _run.Backend);
        var progress = new SilentWork();
        FeatureReport report = FeatureFiles.Write(model, data, _folder["out"], progress);
        Assert.Equal((51, 20, 16), (report.TrainImages, report.HeldOutImages, report.Width));
        Assert.Equal(1, progress.Share);

        using SafetensorsFile file = SafetensorsFile.Open(_folder["out", "features.safetensors"]);
        FeatureExtractor extract = model.Extractor(data.Train.Normalization);
        foreach ((string name, IImageDataset images) in ((string, IImageDataset)[])
            [("train", data.Train), ("held_out", data.HeldOut!)])
        {
            ImageBatch all = EvaluationBatches.Enumerate(images, imageSize: 8, images.Count).Single();
            byte[] expected = new byte[images.Count * 16 * sizeof(float)];
            _run.Backend.CopyToHost(extract(all.View(0)), expected);
            Assert.Equal(expected, file.ReadBytes($"{name}.features"));
            AssertNpy(
                $"{name}.features.npy", $"'<f4', 'fortran_order': False, 'shape': ({images.Count}, 16,)", expected);
            AssertNpy(
                $"{name}.labels.npy", $"'<i8', 'fortran_order': False, 'shape': ({images.Count},)",
                file.ReadBytes($"{name}.labels"));
            Assert.Equal(images.Label(4), file.ReadBytes($"{name}.labels")[4 * sizeof(long)]);
        }
    }

    // Version 1.0: magic, version, length of the text, the text as a Python literal padded to a multiple of 64.
    private void AssertNpy(string name, string says, byte[] data)
    {
        byte[] bytes = File.ReadAllBytes(_folder["out", name]);
        Assert.Equal([0x93, .. "NUMPY"u8, 1, 0], bytes[..8]);
        int header = 10 + bytes[8] + (256 * bytes[9]);
        Assert.Equal(0, header % 64);
        string text = Encoding.ASCII.GetString(bytes[10..header]);
        Assert.Equal($"{{'descr': {says}, }}", text.TrimEnd());
        Assert.EndsWith(" \n", text);
        Assert.Equal(data, bytes[header..]);
    }
}
