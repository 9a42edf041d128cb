using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Export;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

public sealed class InitialWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly CpuBackend _backend = new(threads: 1, poison: true);
    private readonly string _whole;

    public InitialWeightsTests() =>
        _whole = ModelFile.Write(_folder["whole.safetensors"], _backend, TinyRun.Settings.Model, extra: "opt.step");

    public void Dispose()
    {
        _backend.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_whole_model_comes_over_bit_for_bit()
    {
        MoCoV3 model = Load(_whole, TinyRun.Settings.Model, out string note);
        Assert.DoesNotContain("drawn", note);
        AssertSame(_whole, model, model.Layout().Select(entry => (entry.Name, entry.Name)));
    }

    [Fact]
    public void Values_that_are_no_numbers_are_no_beginning()
    {
        string broken = ModelFile.Write(
            _folder["broken.safetensors"], _backend, TinyRun.Settings.Model,
            edit: (name, values) => values[^1] = name == "base_encoder.norm.weight" ? float.NaN : values[^1]);
        string message = Assert.Throws<CheckpointException>(
            () => Load(broken, TinyRun.Settings.Model, out _)).Message;
        Assert.Contains("base_encoder.norm.weight has values that are not numbers", message);
        Assert.Contains(broken, message);
    }

    [Fact]
    public void An_encoder_alone_goes_into_both_and_the_heads_are_drawn()
    {
        string encoder = Encoder();
        ModelSettings wanted = TinyRun.Settings.Model with { HeadHidden = 10, HeadOutput = 6 };
        ModelSettings settings = InitialWeights.Model(encoder, wanted);
        Assert.Equal(wanted, settings with { Position = wanted.Position }); // from the file all but heads and freezing
        MoCoV3 model = Load(encoder, settings, out string note);
        Assert.Contains("momentum encoder is a copy", note);
        Assert.Contains("base_encoder.head., momentum_encoder.head., predictor.", note);

        string[] backbone = [.. model.BaseEncoder.BackboneLayout().Select(entry => entry.Name)];
        AssertSame(encoder, model, backbone.Select(name => ("base_encoder." + name, "base_encoder." + name)));
        AssertSame(encoder, model, backbone.Select(name => ("base_encoder." + name, "momentum_encoder." + name)));

        // The heads are those of a run without a file, and the copy of the projector is one.
        MoCoV3 drawn = Build(settings);
        Dictionary<string, float[]> values = Floats(drawn), its = Floats(model);
        Assert.Equal(values["predictor.0.weight"], its["predictor.0.weight"]);
        Assert.Equal(values["base_encoder.head.0.weight"], its["base_encoder.head.0.weight"]);
        Assert.Equal(its["base_encoder.head.0.weight"], its["momentum_encoder.head.0.weight"]);
    }

    [Theory]
    [InlineData("""{ "model": { "width": 32 } }""", "base_encoder.cls_token")]
    [InlineData("""{ "model": { "headOutput": 5 } }""", "base_encoder.head.6.weight")]
    [InlineData("""{ "model": { "predictor": false } }""", "no place for")]
    [InlineData("""{ "model": { "depth": 3 } }""", "base_encoder.blocks.2.")]
    public void What_contradicts_the_file_is_one_line_that_names_the_tensor(string json, string expected)
    {
        File.WriteAllText(_folder["my.json"], json);
        TrainSettings settings = new SettingsRequest { File = _folder["my.json"], Init = _whole }.Resolve();
        var error = Assert.Throws<CheckpointException>(
            () => InitialWeights.Load(settings.Init, Build(settings.Model), _backend));
        Assert.StartsWith($"{_whole}: ", error.Message);
        Assert.Contains(expected, error.Message);
        Assert.Contains("leave them to the file", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void The_file_says_what_model_it_is_and_its_digest_decides_the_result()
    {
        TrainSettings settings = new SettingsRequest { Preset = "vit-s-300", Init = _whole }.Resolve();
        Assert.Equal(TinyRun.Settings.Model with { FreezePatch = settings.Model.FreezePatch }, settings.Model);
        Assert.Equal(Presets.Find("vit-s-300").Recipe, settings.Recipe);
        Assert.Equal(FileDigest.Of(_whole), settings.Init.Sha256);

        string moved = _folder["moved.safetensors"];
        File.Copy(_whole, moved);
        TrainSettings same = new SettingsRequest { Preset = "vit-s-300", Init = moved }.Resolve();
        Assert.Equal(settings.Digest(), same.Digest());
        Assert.NotEqual(settings.Digest(), (settings with { Init = new InitSettings() }).Digest());

        File.WriteAllText(_folder["my.json"], $$"""{ "init": { "path": "{{moved}}" } }""");
        same = new SettingsRequest { Preset = "vit-s-300", File = _folder["my.json"] }.Resolve();
        Assert.Equal(settings.Digest(), same.Digest());

        File.AppendAllText(moved, "x");
        string message = Assert.Throws<CheckpointException>(
            () => InitialWeights.Load(same.Init, Build(same.Model), _backend)).Message;
        Assert.Contains("the settings say", message);
        string gone = _folder["gone"];
        Assert.Contains(gone, Assert.ThrowsAny<InputException>(new SettingsRequest { Init = gone }.Resolve).Message);
    }

    // Stopped within the first epoch; the file is not needed any more to go on.
    [Fact]
    public void A_run_from_a_file_goes_on_with_the_same_bits_and_differs_from_one_without()
    {
        TinyRun.WriteData(_folder["data"]);
        TrainSettings settings = TinyRun.Settings.WithEpochs(1) with
        {
            Data = new DataSettings { Path = _folder["data"] },
        };
        TrainSettings from = settings with
        {
            Init = new InitSettings { Path = _whole, Sha256 = FileDigest.Of(_whole) },
        };
        Train("drawn", settings);
        var progress = new SilentProgress();
        Train("whole", from, progress);
        Assert.Contains(progress.Notes, note => note.Contains(_whole));
        Assert.NotEqual(RunContent.Metrics(_folder["drawn"])[1], RunContent.Metrics(_folder["whole"])[1]);

        using var stop = new CancellationTokenSource();
        Train("stopped", from, new SilentProgress(step => stop.Cancel()), stop.Token);
        File.Delete(_whole);
        var stopped = new RunFolder(_folder["stopped"]);
        ReportedRun.Of(SettingsRequest.Read(stopped), stopped, _backend, new SilentProgress())
            .Run(resume: true, default);
        RunContent.AssertSame(_folder["whole"], _folder["stopped"]);

        Assert.ThrowsAny<InputException>(() => Train("none", from));
        Assert.False(Directory.Exists(_folder["none"]));
    }

    // The reference implementation's own file, by the program: import, then a few steps on CIFAR-like images.
    [Fact]
    [Trait("Category", "Fixtures")]
    public void A_published_checkpoint_is_imported_and_trained_on()
    {
        string imported = _folder["imported.safetensors"];
        string published =
            Directory.GetFiles(TestKit.Fixtures.File("checkpoint"), "checkpoint_*.pth.tar").Order().First();
        ModelSettings model = CheckpointImport.Run(published, imported, new ImportRequest(Heads: 2)).Model;
        byte[] records = new byte[40 * 3073];
        new Random(1).NextBytes(records);
        for (int i = 0; i < records.Length; i += 3073)
        {
            records[i] %= 10;
        }

        Directory.CreateDirectory(_folder["cifar"]);
        File.WriteAllBytes(_folder["cifar", "data_batch_1.bin"], records);
        (int status, string output, string error) = CommandRunner.Run(
            "train", "--init", imported, "--data", _folder["cifar", "data_batch_1.bin"], "--epochs", "2", "--batch",
            "8",
            "--out", _folder["run"]);
        Assert.True(status == 0, error);
        Assert.Contains($"starting with ", output);
        Assert.DoesNotContain("drawn", output);
        TrainSettings settings = SettingsRequest.Read(new RunFolder(_folder["run"]));
        Assert.Equal(
            (model.ImageSize, model.Patch, model.Width, model.HeadHidden),
            (settings.Model.ImageSize, settings.Model.Patch, settings.Model.Width, settings.Model.HeadHidden));
        using SafetensorsFile final = SafetensorsFile.Open(_folder["run", "final.safetensors"]);
        using SafetensorsFile first = SafetensorsFile.Open(imported);
        Assert.Equal( // the fixed table stays, the rest learns
            first.ReadBytes("base_encoder.pos_embed"), final.ReadBytes("base_encoder.pos_embed"));
        Assert.NotEqual(first.ReadBytes("predictor.0.weight"), final.ReadBytes("predictor.0.weight"));
    }

    // A timm file of the encoder, imported again: no heads and no momentum encoder.
    private string Encoder()
    {
        CheckpointExport.WriteSafetensors(_whole, _folder["timm.safetensors"], ExportPart.Encoder);
        CheckpointImport.Run(_folder["timm.safetensors"], _folder["encoder.safetensors"], new ImportRequest());
        return _folder["encoder.safetensors"];
    }

    private MoCoV3 Build(ModelSettings settings)
    {
        var model = new MoCoV3(settings, temperature: 1);
        model.Initialize(_backend, DType.F32, seed: 9);
        return model;
    }

    private MoCoV3 Load(string path, ModelSettings settings, out string note)
    {
        MoCoV3 model = Build(settings);
        note = InitialWeights.Load(new InitSettings { Path = path }, model, _backend);
        return model;
    }

    private static Dictionary<string, float[]> Floats(MoCoV3 model)
    {
        using var scope = new StepScope();
        return model.State()
            .Where(named => named.Array.DType == DType.F32)
            .ToDictionary(named => named.Name, named => named.Array.ToArray<float>());
    }

    private static void AssertSame(string path, MoCoV3 model, IEnumerable<(string InFile, string InModel)> names)
    {
        using var scope = new StepScope();
        using SafetensorsFile file = SafetensorsFile.Open(path);
        Dictionary<string, NdArray> state = model.State().ToDictionary(named => named.Name, named => named.Array);
        foreach ((string inFile, string inModel) in names)
        {
            byte[] bytes = new byte[state[inModel].SizeInBytes];
            state[inModel].Backend.CopyToHost(state[inModel], bytes);
            Assert.Equal(file.ReadBytes(inFile), bytes);
        }
    }

    private void Train(
        string name, TrainSettings settings, SilentProgress? progress = null, CancellationToken stop = default) =>
        ReportedRun.Of(settings, new RunFolder(_folder[name]), _backend, progress ?? new SilentProgress())
            .Run(resume: false, stop);
}
