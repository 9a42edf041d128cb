using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;
using Architecture = CudaViT.Training.Settings.Architecture;

namespace CudaViT.Training.Tests.Checkpoints;

public sealed class ImportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    public static TheoryData<string> Models => [.. ModelFixture.Names];

    // Sizes come from the shapes: the recorded files call themselves vit_small.
    [Theory]
    [InlineData("checkpoint_0000")]
    [InlineData("checkpoint_0001")]
    [Trait("Category", "Fixtures")]
    public void A_checkpoint_of_the_reference_comes_over_bit_for_bit(string stem)
    {
        string path = TestKit.Fixtures.File("checkpoint", $"{stem}.pth.tar");
        string message = Assert.Throws<CheckpointException>(() => Import(path)).Message;
        Assert.Contains("--heads", message);
        Assert.False(File.Exists(_folder["out"]));

        ImportReport report = Import(path, heads: 2);
        var expected = new ModelSettings
        {
            ImageSize = 16,
            Patch = 8,
            Width = 16,
            Depth = 1,
            Heads = 2,
            HeadHidden = 24,
            HeadOutput = 8,
        };
        Assert.Equal(expected, report.Model);
        Assert.Equal(["epoch", "arch", "optimizer", "scaler"], report.Rest);
        Assert.Empty(report.AbsentParts.Concat(report.Classifier).Concat(report.Unexpected));
        using SafetensorsFile recorded =
            SafetensorsFile.Open(TestKit.Fixtures.File("checkpoint", $"{stem}.safetensors"));
        using SafetensorsFile imported = SafetensorsFile.Open(_folder["out"]);
        const string Prefix = "state_dict.module.";
        string[] names = [.. recorded.Tensors.Select(tensor => tensor.Name).Where(name => name.StartsWith(Prefix))];
        Assert.Equal(names.Length, imported.Tensors.Count);
        Assert.All(names, name =>
            Assert.Equal(recorded.ReadBytes(name), imported.ReadBytes(name[Prefix.Length..])));
    }

    // The reference implementation's features of its own model, after the way through a .pth.tar of its form.
    [Theory, MemberData(nameof(Models))]
    [Trait("Category", "Fixtures")]
    public void Features_of_an_imported_model_are_the_recorded_ones(string name)
    {
        var fixture = new ModelFixture(name);
        string source = _folder.Write("x.pth.tar", PickleWriter.Checkpoint(
            "state_dict", fixture.Init.Names.Select(tensor => Entry(fixture.Init, tensor, $"module.{tensor}"))));
        ImportReport report = Import(source, heads: fixture.Config.GetProperty("heads").GetInt32());
        Assert.Equal(["momentum encoder"], report.AbsentParts);
        Assert.Equal(PositionTable.SinCos, report.Model.Position);

        TrainedModel model = TrainedModel.Open(_folder["out"], _run.Backend);
        double[] features = model.Features(fixture.View(_run.Backend, DType.F32, step: 0, view: 0)).Data.ToDoubles();
        double bound = ModelAssert.Spread * fixture.Tolerances.GetProperty("step")
            .GetProperty("max_abs_err_float32").GetProperty("x1.feature").GetDouble();
        ModelAssert.Within(fixture.Read("step")["x1.feature"], features, "x1.feature", bound);
    }

    // What DeiT and timm save: an encoder with a classifier, in half precision, under "model" or alone.
    [Theory]
    [InlineData("model")]
    [InlineData(null)]
    public void An_encoder_with_a_classifier_comes_over_without_it(string? key)
    {
        Encoder encoder = SmallEncoder();
        string source = _folder.Write("x.pth", PickleWriter.Checkpoint(
            key, [.. Entries(encoder), ("head.weight", [5, 8], new byte[160]), ("extra.scale", [1], new byte[4])]));
        ImportReport report = Import(source, heads: 2);
        Assert.Equal(["projector", "momentum encoder", "predictor"], report.AbsentParts);
        Assert.Equal(["head.weight"], report.Classifier);
        Assert.Equal(["extra.scale"], report.Unexpected);
        Assert.Equal(key is null ? [] : ["epoch"], report.Rest);
        AssertSameFeatures(encoder, 0);
    }

    [Fact]
    public void A_safetensors_file_in_half_precision_is_widened()
    {
        Encoder encoder = SmallEncoder();
        IReadOnlyList<NamedArray> state = encoder.BackboneState();
        SafetensorsTensor[] tensors = [.. state.Select(named => new SafetensorsTensor(
            named.Name, SafetensorsDType.F16, [.. named.Array.Shape.Select(size => (long)size)]))];
        using (FileStream stream = File.Create(_folder["x.safetensors"]))
        {
            var writer = new SafetensorsWriter(stream, tensors);
            foreach (NamedArray named in state)
            {
                Half[] values = Array.ConvertAll(named.Array.ToArray<float>(), value => (Half)value);
                writer.Write(named.Name, MemoryMarshal.AsBytes(values.AsSpan()));
            }

            writer.Complete();
        }

        Import(_folder["x.safetensors"], heads: 2);
        AssertSameFeatures(encoder, 0.01); // halves have 11 bits
    }

    [Fact]
    public void What_is_missing_is_listed_and_nothing_is_written()
    {
        Encoder encoder = SmallEncoder();
        string[] removed = ["blocks.1.mlp.fc2.bias", "norm.weight"];
        string source = _folder.Write("x.pth", PickleWriter.Checkpoint(
            "model", Entries(encoder).Where(entry => !removed.Contains(entry.Name))));
        string message = Assert.Throws<CheckpointException>(() => Import(source, heads: 2)).Message;
        Assert.All(removed, name => Assert.Contains(name, message));
        Assert.DoesNotContain('\n', message);
        Assert.False(File.Exists(_folder["out"]));
    }

    [Fact]
    public void Tensors_of_two_models_are_refused()
    {
        string source = _folder.Write("x.pth", PickleWriter.Checkpoint("model", Entries(SmallEncoder())
            .Select(entry => entry.Name == "norm.bias" ? (entry.Name, [4L], new byte[16]) : entry)));
        string message = Assert.Throws<CheckpointException>(() => Import(source, heads: 2)).Message;
        Assert.Contains("norm.bias: F32 [4] instead of [8]", message);
    }

    // 384 is MoCo v3's ViT-S with 12 heads and DeiT's with 6.
    [Theory]
    [InlineData(192, false, 3)]
    [InlineData(384, false, null)]
    [InlineData(384, true, 12)]
    [InlineData(768, false, 12)]
    [InlineData(1024, true, 16)]
    [InlineData(640, false, null)]
    public void Heads_are_told_by_the_width_only_where_they_are_the_same_everywhere(int width, bool isWhole, int? heads)
    {
        ModelSettings settings = ModelSettings.VitTiny with { Width = width, Heads = 1, Depth = 1 };
        var shapes = Encoders.Create(settings).BackboneLayout().ToDictionary(
            entry => $"base_encoder.{entry.Name}",
            entry => (IReadOnlyList<long>)[.. entry.Shape.Select(size => (long)size)]);
        ModelSettings Infer() => new ModelInference("x", shapes, isWhole, new ImportRequest()).Infer();
        if (heads is null)
        {
            Assert.Contains("--heads", Assert.Throws<CheckpointException>(Infer).Message);
        }
        else
        {
            Assert.Equal(heads, Infer().Heads);
        }
    }

    public static TheoryData<string, ModelSettings> Variants => new()
    {
        { "stem", ModelSettings.VitConvSmall with { Depth = 1 } },
        { "learned positions", ModelSettings.VitTiny with { Depth = 2, Position = PositionTable.Learned } },
        { "no positions", ModelSettings.VitTiny with { Depth = 1, Position = PositionTable.None } },
        { "mean", ModelSettings.VitTiny with { Depth = 1, Pooling = Pooling.Mean } },
        { "norm, then mean", ModelSettings.VitTiny with { Depth = 1, Pooling = Pooling.NormThenMean } },
        { "batch norms", ModelSettings.VitTiny with { Depth = 1, MlpNorm = MlpNorm.Batch } },
        { "heads without norms", ModelSettings.VitTiny with { Depth = 1, HeadBatchNorm = false } },
        { "no predictor", ModelSettings.VitTiny with { Depth = 1, Predictor = false, HeadHidden = 7 } },
        { "grey", ModelSettings.VitTiny with { Depth = 1, Channels = 1, Patch = 32, MlpRatio = 2 } },
        { "ResNet-50", ModelSettings.ResNet50 with { HeadHidden = 9, HeadOutput = 5 } },
    };

    // From the names and shapes of a whole model back to its settings.
    [Theory, MemberData(nameof(Variants))]
    public void Variants_are_told_by_their_shapes(string what, ModelSettings settings)
    {
        var shapes = new MoCoV3(settings, temperature: 1).Layout().ToDictionary(
            entry => entry.Name, entry => (IReadOnlyList<long>)[.. entry.Shape.Select(size => (long)size)]);
        var request = new ImportRequest(settings.Heads, settings.ImageSize);
        ModelSettings inferred = new ModelInference(what, shapes, isWhole: true, request).Infer();

        // The two tables differ in values only.
        PositionTable position = settings.Architecture == Architecture.VisionTransformer
            && settings.Position == PositionTable.SinCos ? PositionTable.Learned : settings.Position;
        Assert.Equal(settings with { Position = position }, inferred);
    }

    private static (string Name, IReadOnlyList<long> Shape, byte[] Data) Entry(
        Recording recording, string name, string target)
    {
        byte[] data = recording.DType(name) == SafetensorsDType.I64
            ? MemoryMarshal.AsBytes(Array.ConvertAll(recording[name], value => (long)value).AsSpan()).ToArray()
            : MemoryMarshal.AsBytes(Array.ConvertAll(recording[name], value => (float)value).AsSpan()).ToArray();
        return (target, [.. recording.Shape(name).Select(size => (long)size)], data);
    }

    private static IEnumerable<(string Name, IReadOnlyList<long> Shape, byte[] Data)> Entries(Encoder encoder) =>
        encoder.BackboneState().Select(named => (
            named.Name,
            (IReadOnlyList<long>)[.. named.Array.Shape.Select(size => (long)size)],
            MemoryMarshal.AsBytes(named.Array.ToArray<float>().AsSpan()).ToArray()));

    private Encoder SmallEncoder()
    {
        var encoder = Encoders.Create(new ModelSettings
        {
            ImageSize = 8,
            Patch = 4,
            Width = 8,
            Depth = 2,
            Heads = 2,
            Position = PositionTable.Learned,
            HeadHidden = 4,
        });
        encoder.Initialize(_run.Backend, DType.F32, seed: 1);
        encoder.Train(false);
        return encoder;
    }

    private void AssertSameFeatures(Encoder encoder, double bound)
    {
        Tensor images = _run.Normal([3, 3, 8, 8], DType.F32, seed: 2);
        double[] actual = TrainedModel.Open(_folder["out"], _run.Backend).Features(images).Data.ToDoubles();
        ModelAssert.Within(encoder.Features(images).Data.ToDoubles(), actual, "features", bound);
    }

    private ImportReport Import(string path, int? heads = null) =>
        CheckpointImport.Run(path, _folder["out"], new ImportRequest(heads));
}
