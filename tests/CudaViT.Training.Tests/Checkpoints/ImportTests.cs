using System.Runtime.InteropServices;
using System.Text.Json;
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

public sealed class ImportTests : ImportTestBase
{

    private static JsonElement Contents { get; } =
        JsonDocument.Parse(File.ReadAllText(TestKit.Fixtures.File("checkpoint", "contents.json"))).RootElement;

    public static TheoryData<string> Models => [.. ModelFixture.Names];

    public static TheoryData<string> Recorded =>
        [.. Directory.GetFiles(TestKit.Fixtures.File("checkpoint"), "*.pth.tar")
            .Select(path => Path.GetFileName(path))
            .Where(name => Contents.TryGetProperty(name, out JsonElement content)
                && content.TryGetProperty("arch", out _))
            .Order(StringComparer.Ordinal)];

    // Sizes come from the shapes: the recorded files call themselves vit_small.
    [Theory, MemberData(nameof(Recorded))]
    [Trait("Category", "Fixtures")]
    public void A_checkpoint_of_the_reference_comes_over_bit_for_bit(string file)
    {
        string path = TestKit.Fixtures.File("checkpoint", file);
        using SafetensorsFile recorded =
            SafetensorsFile.Open(TestKit.Fixtures.File("checkpoint", file.Replace(".pth.tar", ".safetensors")));
        const string Prefix = "state_dict.module.";
        int Size(string name, int axis) => (int)recorded[$"{Prefix}base_encoder.{name}"].Shape[axis];
        (int width, int patch) = (Size("cls_token", 2), Size("patch_embed.proj.weight", 3));
        int heads = width % 2 == 0 ? 2 : 1; // in no shape: any number will do
        if (width is not (192 or 384 or 768 or 1024 or 1280))
        {
            string message = Assert.Throws<CheckpointException>(() => Import(path)).Message;
            Assert.Contains("--heads", message);
            Assert.False(File.Exists(Folder["out"]));
        }

        ImportReport report = Import(path, heads);
        var expected = new ModelSettings
        {
            ImageSize = patch * (int)Math.Sqrt(Size("pos_embed", 1) - 1),
            Channels = Size("patch_embed.proj.weight", 1),
            Patch = patch,
            Width = width,
            Depth = recorded.Tensors.Count(tensor =>
                tensor.Name.StartsWith($"{Prefix}base_encoder.blocks.", StringComparison.Ordinal)
                && tensor.Name.EndsWith("attn.qkv.weight", StringComparison.Ordinal)),
            Heads = heads,
            MlpRatio = Size("blocks.0.mlp.fc1.weight", 0) / width,
            HeadHidden = Size("head.0.weight", 0),
            HeadOutput = Size("head.6.weight", 0),
        };
        Assert.Equal(expected, report.Model);
        Assert.Equal(["arch", "epoch", "optimizer", "scaler"], report.Rest.Order(StringComparer.Ordinal));
        Assert.Empty(report.AbsentParts.Concat(report.Classifier).Concat(report.Unexpected));
        Assert.Empty(report.NotFinite);
        using SafetensorsFile imported = SafetensorsFile.Open(Folder["out"]);
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
        string source = Folder.Write("x.pth.tar", PickleWriter.Checkpoint(
            "state_dict", fixture.Init.Names.Select(tensor => Entry(fixture.Init, tensor, $"module.{tensor}"))));
        ImportReport report = Import(source, heads: fixture.Config.GetProperty("heads").GetInt32());
        Assert.Equal(["momentum encoder"], report.AbsentParts);
        Assert.Equal(PositionTable.SinCos, report.Model.Position);

        TrainedModel model = TrainedModel.Open(Folder["out"], Run.Backend);
        double[] features = model.Features(fixture.View(Run.Backend, DType.F32, step: 0, view: 0)).Data.ToDoubles();
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
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint(
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
        using (FileStream stream = File.Create(Folder["x.safetensors"]))
        {
            var writer = new SafetensorsWriter(stream, tensors);
            foreach (NamedArray named in state)
            {
                Half[] values = Array.ConvertAll(named.Array.ToArray<float>(), value => (Half)value);
                writer.Write(named.Name, MemoryMarshal.AsBytes(values.AsSpan()));
            }

            writer.Complete();
        }

        Import(Folder["x.safetensors"], heads: 2);
        AssertSameFeatures(encoder, 0.01); // halves have 11 bits
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
}
