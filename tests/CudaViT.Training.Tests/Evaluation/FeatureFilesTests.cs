using System.Runtime.InteropServices;
using System.Text;
using CudaViT.Data.Loading;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Features;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Tests.Data.Sets;
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
        Assert.Empty(report.LeftOut);

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

    // Rows are those of the images that were read, in all files alike; the index says which they are.
    [Fact]
    public void An_image_that_is_left_out_has_no_row()
    {
        TinyRun.WriteData(_folder["data"]);
        DatasetSplits whole = DatasetLocator.Open(_folder["data"]);
        int[] bad = [0, 7, 50];
        var data = new DatasetSplits(new Damaging(whole.Train, bad), new Damaging(whole.HeldOut!, [19]));
        TrainedModel model = TrainedModel.Open(
            ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model), _run.Backend);
        FeatureReport report = FeatureFiles.Write(model, data, _folder["out"], new SilentWork());
        Assert.Equal((48, 19), (report.TrainImages, report.HeldOutImages));
        Assert.Equal(["a/0", "a/7", "a/50", "a/19"], report.LeftOut.Select(image => image.Name));

        int[] rows = [.. Enumerable.Range(0, 51).Except(bad)];
        ImageBatch all = EvaluationBatches.Enumerate(whole.Train, imageSize: 8, 51).Single();
        float[] features = new float[51 * 16];
        _run.Backend.CopyToHost(
            model.Extractor(whole.Train.Normalization)(all.View(0)), MemoryMarshal.AsBytes(features.AsSpan()));
        byte[] expected = MemoryMarshal.AsBytes(
            rows.SelectMany(row => features[(16 * row)..(16 * (row + 1))]).ToArray().AsSpan()).ToArray();
        byte[] labels = MemoryMarshal.AsBytes(
            Array.ConvertAll(rows, row => (long)whole.Train.Label(row)).AsSpan()).ToArray();
        AssertNpy("train.features.npy", "'<f4', 'fortran_order': False, 'shape': (48, 16,)", expected);
        AssertNpy("train.labels.npy", "'<i8', 'fortran_order': False, 'shape': (48,)", labels);
        using SafetensorsFile file = SafetensorsFile.Open(_folder["out", "features.safetensors"]);
        Assert.Equal([48, 16], file["train.features"].Shape);
        Assert.Equal([19], file["held_out.labels"].Shape);
        Assert.Equal(expected, file.ReadBytes("train.features"));
        Assert.Equal(labels, file.ReadBytes("train.labels"));

        string[] index = File.ReadAllLines(_folder["out", "index.csv"]);
        Assert.Equal("row,path,label,class,part", index[0]);
        Assert.Equal(rows.Select((image, row) => Line(row, image, whole.Train, "train")), index[1..49]);
        Assert.Equal(
            Enumerable.Range(0, 19).Select(image => Line(image, image, whole.HeldOut!, "held_out")), index[49..]);

        static string Line(int row, int image, IImageDataset of, string part) =>
            $"{row},a/{image},{of.Label(image)},{of.ClassNames?[of.Label(image)]},{part}";
    }

    // Files in folders of classes, one of which is damaged: a row for every other, under the name that it has.
    [Fact]
    public void The_index_of_a_folder_has_its_paths()
    {
        using var files = new SetFolder();
        string[] names =
            [.. Enumerable.Range(100, 120).Select(i => i % 2 == 0 ? $"cats/{i}.jpg" : $"dogs/far/{i}.png")];
        files.Write(names);
        files.Write("cats/142.jpg", [SetFolder.Bad]);
        string model = ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model with { Channels = 3 });
        FeatureReport report = FeatureFiles.Write(
            TrainedModel.Open(model, _run.Backend), files.Open(), _folder["out"], new SilentWork());
        Assert.Equal(119, report.TrainImages);
        Assert.EndsWith("142.jpg", Assert.Single(report.LeftOut).Name);
        Assert.Equal(
            names.Where(name => name != "cats/142.jpg").Order(StringComparer.Ordinal)
                .Select((name, row) => $"{row},{name},{(name[0] == 'c' ? "0,cats" : "1,dogs")},train"),
            File.ReadAllLines(_folder["out", "index.csv"]).Skip(1));
    }

    // Paths as people have them, in the form that spreadsheets and Python's csv module read.
    [Fact]
    public void Names_with_commas_and_quotes_are_quoted()
    {
        var random = new Random(1);
        byte[] pixels = new byte[3 * 64];
        random.NextBytes(pixels);
        var data = new DatasetSplits(
            new Named(
                new InMemoryDataset("noise", pixels, 8, 8, 1, [0, 1, 0], classCount: 2, ["cat, big", "dog"]),
                ["plain.jpg", "a,b.jpg", "say \"hi\".jpg"]),
            null);
        TrainedModel model = TrainedModel.Open(
            ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model), _run.Backend);
        FeatureFiles.Write(model, data, _folder["out"], new SilentWork());
        Assert.Equal(
            [
                "row,path,label,class,part", "0,plain.jpg,0,\"cat, big\",train", "1,\"a,b.jpg\",1,dog,train",
                "2,\"say \"\"hi\"\".jpg\",0,\"cat, big\",train",
            ],
            File.ReadAllLines(_folder["out", "index.csv"]));
    }

    // Whatever is made of features: a nearest neighbour of NaN is the first image, and a classifier learns nothing.
    [Theory]
    [InlineData("features")]
    [InlineData("knn")]
    [InlineData("linear")]
    public void Features_that_are_not_finite_are_refused(string command)
    {
        TinyRun.WriteData(_folder["data"]);
        string model = ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model, edit: (name, values) =>
            values[^1] = name == "base_encoder.norm.weight" ? float.NaN : values[^1]);
        (int status, string output, string error) = CommandRunner.Run(
            command == "knn"
                ? [command, "--checkpoint", model, "--data", _folder["data"]]
                : [command, "--checkpoint", model, "--data", _folder["data"], "--out", _folder["out"]]);
        Assert.Equal(1, status);
        CommandRunner.AssertOneLine(error);
        Assert.Contains("not numbers or infinite", error);
        Assert.Contains("norm.weight has such values", error);
        Assert.DoesNotContain("top-1", output);
        Assert.False(File.Exists(_folder["out", "linear.json"]));
        Assert.False(command == "features" && Directory.Exists(_folder["out"]), "nothing half-written stays");
    }

    // A run's report is drawn of its files alone; whoever lost it would look at an evaluation instead.
    [Theory]
    [InlineData("features")]
    [InlineData("knn")]
    public void A_folder_of_a_run_is_refused(string command)
    {
        TinyRun.WriteData(_folder["data"]);
        string model = ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model);
        var run = new RunFolder(_folder["run"]);
        using (run.Own())
        {
            Assert.Contains($"process {Environment.ProcessId} on ", Refused()); // begun, and nothing written yet
            run.WriteSettings(TinyRun.Settings);
            run.WriteReport("of the run");
        }

        Assert.Contains("there is a run in this folder", Refused());
        Assert.Equal("of the run", File.ReadAllText(run.ReportPath));
        Assert.Equal(
            [run.ReportPath, run.SettingsPath], Directory.GetFileSystemEntries(run.Path).Order(StringComparer.Ordinal));

        // One that holds another evaluation is written to.
        _folder.Write("out/knn.json", []);
        (int status, _, string error) = Command("out");
        Assert.Equal((0, ""), (status, error));
        Assert.False(File.Exists(_folder["out", "run.lock"]));

        string Refused()
        {
            (int status, string output, string error) = Command("run");
            Assert.Equal((1, ""), (status, output));
            CommandRunner.AssertOneLine(error);
            Assert.Contains(run.Path, error);
            Assert.Contains("--out", error);
            return error;
        }

        (int Status, string Output, string Error) Command(string folder) => CommandRunner.Run(
            command, "--checkpoint", model, "--data", _folder["data"], "--device", "cpu", "--out", _folder[folder]);
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

    /// <summary>A data set some of whose images cannot be decoded.</summary>
    private sealed class Damaging(IImageDataset inner, int[] bad) : Wrapper(inner)
    {
        public override IReadOnlyList<DamagedImage> Damaged =>
            [.. bad.Select(image => new DamagedImage(NameOf(image), "cut short"))];

        public override string NameOf(int index) => $"a/{index}";

        public override ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null) =>
            bad.Contains(index) ? throw new UndecodableImageException(NameOf(index))
            : base.Read(index, scratch, scale);
    }

    private sealed class Named(IImageDataset inner, string[] names) : Wrapper(inner)
    {
        public override string NameOf(int index) => names[index];
    }

    private abstract class Wrapper(IImageDataset inner) : IImageDataset
    {
        public string Name => inner.Name;

        public int Count => inner.Count;

        public int Channels => inner.Channels;

        public int ClassCount => inner.ClassCount;

        public IReadOnlyList<string>? ClassNames => inner.ClassNames;

        public Normalization Normalization => inner.Normalization;

        public virtual IReadOnlyList<DamagedImage> Damaged => inner.Damaged;

        public int Label(int index) => inner.Label(index);

        public virtual string NameOf(int index) => inner.NameOf(index);

        public virtual ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null) =>
            inner.Read(index, scratch, scale);
    }
}
