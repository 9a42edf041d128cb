using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Export;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Checkpoints;

public sealed class ExportTests : IDisposable
{
    private static readonly ModelSettings Small = new()
    {
        ImageSize = 12,
        Patch = 4,
        Width = 16,
        Depth = 2,
        Heads = 4,
        HeadHidden = 8,
        HeadOutput = 4,
    };

    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    // The names and shapes of timm's vit_small_patch16_224 without classifier, written down by hand.
    [Fact]
    public void Names_and_shapes_are_those_of_timm()
    {
        string file = Write(ModelSettings.VitSmall with { HeadHidden = 8, HeadOutput = 4 });
        CheckpointExport.WriteSafetensors(file, _folder["encoder.safetensors"], ExportPart.Encoder);
        var expected = new Dictionary<string, long[]>
        {
            ["cls_token"] = [1, 1, 384],
            ["pos_embed"] = [1, 197, 384],
            ["patch_embed.proj.weight"] = [384, 3, 16, 16],
            ["patch_embed.proj.bias"] = [384],
            ["norm.weight"] = [384],
            ["norm.bias"] = [384],
        };
        for (int i = 0; i < 12; i++)
        {
            string block = string.Create(CultureInfo.InvariantCulture, $"blocks.{i}.");
            (string Name, long Out, long In)[] linear =
                [("attn.qkv", 1152, 384), ("attn.proj", 384, 384), ("mlp.fc1", 1536, 384), ("mlp.fc2", 384, 1536)];
            foreach ((string name, long outputs, long inputs) in linear)
            {
                expected[$"{block}{name}.weight"] = [outputs, inputs];
                expected[$"{block}{name}.bias"] = [outputs];
            }

            foreach (string name in (string[])["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"])
            {
                expected[block + name] = [384];
            }
        }

        using SafetensorsFile exported = SafetensorsFile.Open(_folder["encoder.safetensors"]);
        Assert.Equal("pt", exported.Metadata["format"]);
        Assert.Equal(expected.Keys.Order(), exported.Tensors.Select(tensor => tensor.Name).Order());
        Assert.All(exported.Tensors, tensor => Assert.Equal(expected[tensor.Name], tensor.Shape));
    }

    // The settings came along: whoever names an exported file where a trained one is expected has named a model.
    [Fact]
    public void An_exported_encoder_is_used_as_it_is()
    {
        string file = Write(Small);
        string exported = _folder["encoder.safetensors"];
        CheckpointExport.WriteSafetensors(file, exported, ExportPart.Encoder);
        Tensor images = _run.Normal([2, 3, 12, 12], DType.F32, seed: 2);
        TrainedModel model = TrainedModel.Open(exported, _run.Backend);
        TensorAssert.SameBits(
            TrainedModel.Open(file, _run.Backend).Features(images).Data, model.Features(images).Data);
        Assert.Equal(model.Encoder.BackboneLayout().Count, model.RequireUnchanged());

        CheckpointExport.WriteSafetensors(exported, _folder["again.safetensors"], ExportPart.Encoder);
        Assert.Equal(File.ReadAllBytes(exported), File.ReadAllBytes(_folder["again.safetensors"]));
        CheckpointExport.WriteOnnx(file, _folder["a.onnx"]);
        CheckpointExport.WriteOnnx(exported, _folder["b.onnx"]);
        Assert.Equal(File.ReadAllBytes(_folder["a.onnx"]), File.ReadAllBytes(_folder["b.onnx"]));
        CheckpointExport.WriteSafetensors(exported, _folder["all.safetensors"], ExportPart.All);
        using SafetensorsFile all = SafetensorsFile.Open(_folder["all.safetensors"]);
        Assert.All(all.Tensors, tensor => Assert.StartsWith("base_encoder.", tensor.Name));

        ModelSettings settings = InitialWeights.Model(exported, Small);
        var begun = new MoCoV3(settings, temperature: 1);
        begun.Initialize(_run.Backend, DType.F32, seed: 3);
        string told = InitialWeights.Load(new InitSettings { Path = exported }, begun, _run.Backend);
        Assert.Contains("the momentum encoder is a copy", told);
        begun.BaseEncoder.Train(false);
        TensorAssert.SameBits(model.Features(images).Data, begun.BaseEncoder.Features(images).Data);
    }

    [Theory]
    [InlineData(ExportPart.Encoder)]
    [InlineData(ExportPart.All)]
    public void What_was_exported_can_be_imported_again_and_is_the_same(ExportPart part)
    {
        string file = Write(Small);
        var progress = new SilentWork();
        ExportReport report = CheckpointExport.WriteSafetensors(file, _folder["out.safetensors"], part, progress);
        Assert.Equal(1, progress.Share);
        Assert.Equal(new FileInfo(_folder["out.safetensors"]).Length, report.SizeInBytes);
        ImportReport imported = CheckpointImport.Run(
            _folder["out.safetensors"], _folder["back.safetensors"], new ImportRequest());
        Assert.Equal(4, imported.Model.Heads); // the file says so: 16 wide models have no usual number
        Assert.Equal(part == ExportPart.All ? 0 : 3, imported.AbsentParts.Count);
        using SafetensorsFile before = SafetensorsFile.Open(file);
        using SafetensorsFile after = SafetensorsFile.Open(_folder["back.safetensors"]);
        Assert.Equal(report.Tensors, after.Tensors.Count);
        Assert.All(after.Tensors, tensor => Assert.Equal(before.ReadBytes(tensor.Name), after.ReadBytes(tensor.Name)));
    }

    // By another spelling, through a link to the file, and through a link to its folder; onto it as well as from it.
    [Theory]
    [InlineData("safetensors")]
    [InlineData("onnx")]
    [InlineData("import")]
    public void A_model_is_not_written_over_itself(string kind)
    {
        string file = Write(Small);
        byte[] before = File.ReadAllBytes(file);
        string name = Path.GetFileName(file);
        File.CreateSymbolicLink(_folder["link.safetensors"], file);
        Directory.CreateSymbolicLink(_folder["folder"], _folder.Path);
        File.CreateSymbolicLink(_folder["chain.safetensors"], _folder["folder", "link.safetensors"]);
        string relative = Path.GetRelativePath(Environment.CurrentDirectory, file);
        string[] spellings =
        [
            file, relative, _folder["folder", "..", name], _folder["link.safetensors"], _folder["folder", name],
            _folder["chain.safetensors"],
        ];
        foreach ((string from, string to) in spellings.SelectMany(other => ((string, string)[])
            [(file, other), (other, file)]))
        {
            string message = Assert.ThrowsAny<InputException>(() => Convert(from, to)).Message;
            Assert.Contains($"{to}: this is the file that is read", message);
            Assert.Contains("--out", message);
            Assert.DoesNotContain('\n', message);
            Assert.Equal(before, File.ReadAllBytes(file));
        }

        Assert.Equal(file, File.ResolveLinkTarget(_folder["link.safetensors"], returnFinalTarget: true)!.FullName);
        File.WriteAllText(_folder["other"], "another file, which is replaced");
        string exported = _folder["exported"];
        CheckpointExport.WriteSafetensors(file, exported, ExportPart.Encoder);
        Convert(kind == "import" ? exported : file, _folder["other"]);
        Assert.True(new FileInfo(_folder["other"]).Length > 1000);

        void Convert(string from, string to) => _ = kind switch
        {
            "safetensors" => (object)CheckpointExport.WriteSafetensors(from, to, ExportPart.Encoder),
            "onnx" => CheckpointExport.WriteOnnx(from, to),
            _ => CheckpointImport.Run(from, to, new ImportRequest(Small.Heads)),
        };
    }

    [Fact]
    public void The_optimizer_stays_behind()
    {
        string file = Write(Small, extra: "opt.base_encoder.cls_token.m");
        CheckpointExport.WriteSafetensors(file, _folder["out.safetensors"], ExportPart.All);
        using SafetensorsFile exported = SafetensorsFile.Open(_folder["out.safetensors"]);
        Assert.DoesNotContain(exported.Tensors, tensor => tensor.Name.StartsWith("opt.", StringComparison.Ordinal));
    }

    public static TheoryData<string, ModelSettings> Variants => new()
    {
        { "class token", Small },
        { "grey, wide MLP", Small with { Channels = 1, MlpRatio = 3, Position = PositionTable.Learned } },
        { "no positions, mean", Small with { Pooling = Pooling.Mean, Position = PositionTable.None } },
        { "norm, then mean", Small with { Pooling = Pooling.NormThenMean } },
        { "batch norms", Small with { MlpNorm = MlpNorm.Batch } },
        { "stem", Small with { Stem = Stem.Convolution, Patch = 16, ImageSize = 32 } },
        { "ResNet-50", ModelSettings.ResNet50 with { ImageSize = 64, HeadHidden = 8, HeadOutput = 4 } },
    };

    // onnxruntime against our own float64. It may err ten times as much as our float32 does: the order of its sums is
    // its own.
    [SkippableTheory, MemberData(nameof(Variants))]
    public void Onnxruntime_gives_the_same_features(string what, ModelSettings settings)
    {
        string interop = Path.Combine(TestKit.Fixtures.Root, "..", "interop");
        Skip.IfNot(
            Directory.Exists(Path.Combine(interop, "node_modules", "onnxruntime-node")),
            "onnxruntime-node is not installed: npm install --ignore-scripts in tests/interop");
        string file = Write(settings);
        CheckpointExport.WriteOnnx(file, _folder["encoder.onnx"]);
        foreach (int batch in (int[])[1, 3])
        {
            using var scope = new StepScope();
            (int channels, int size) = (settings.Channels, settings.ImageSize);
            Tensor images = _run.Normal([batch, channels, size, size], DType.F32, seed: 2);
            _folder.Write("images", MemoryMarshal.AsBytes(images.Data.ToArray<float>().AsSpan()).ToArray());
            RunNode(
                Path.Combine(interop, "run_onnx.mjs"),
                _folder["encoder.onnx"], _folder["images"], _folder["features"],
                $"{batch}", $"{channels}", $"{size}");
            float[] features = MemoryMarshal.Cast<byte, float>(File.ReadAllBytes(_folder["features"])).ToArray();
            double[] actual = Array.ConvertAll(features, value => (double)value);
            double[] ours = TrainedModel.Open(file, _run.Backend).Features(images).Data.ToDoubles();
            double[] exact = Exact(file, settings, images);
            double spread = exact.Zip(ours, (e, o) => Math.Abs(e - o)).Max();
            ModelAssert.Within(exact, actual, $"{what}, batch {batch}", 10 * spread);
        }
    }

    // The examples of protobuf.dev/programming-guides/encoding, and a negative number.
    [Fact]
    public void Messages_have_the_bytes_of_the_format()
    {
        ProtoMessage inner = new ProtoMessage().Add(1, 150);
        Assert.Equal([0x08, 0x96, 0x01], Bytes(inner));
        Assert.Equal([0x12, 7, .. "testing"u8], Bytes(new ProtoMessage().Add(2, "testing")));
        Assert.Equal([0x1a, 3, 0x08, 0x96, 0x01], Bytes(new ProtoMessage().Add(3, inner)));
        Assert.Equal([0x32, 6, 3, 0x8e, 2, 0x9e, 0xa7, 5], Bytes(new ProtoMessage().AddPacked(6, [3, 270, 86942])));
        Assert.Equal(
            [0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], Bytes(new ProtoMessage().Add(1, -2)));
        Assert.Equal([0x15, 0, 0, 0x80, 0x3f], Bytes(new ProtoMessage().Add(2, 1f)));
    }

    private static byte[] Bytes(ProtoMessage message)
    {
        var stream = new MemoryStream();
        message.WriteTo(stream);
        Assert.Equal(stream.Length, message.Length);
        return stream.ToArray();
    }

    private static void RunNode(params string[] arguments)
    {
        using Process node = Process.Start(new ProcessStartInfo("node", arguments)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        string error = node.StandardError.ReadToEnd();
        node.WaitForExit();
        Assert.True(node.ExitCode == 0, error);
    }

    private double[] Exact(string file, ModelSettings settings, Tensor images)
    {
        Encoder encoder = Encoders.Create(settings);
        encoder.Initialize(_run.Backend, DType.F64, seed: 0);
        encoder.Train(false);
        using SafetensorsFile tensors = SafetensorsFile.Open(file);
        encoder.LoadBackbone(TensorFile.Read(tensors, _run.Backend, file, "base_encoder.")
            .Where(pair => encoder.BackboneLayout().Any(entry => entry.Name == pair.Key)).ToDictionary());
        using var noGrad = new NoGrad();
        return encoder.Features(images.Cast(DType.F64)).Data.ToDoubles();
    }

    private string Write(ModelSettings settings, string? extra = null) =>
        ModelFile.Write(_folder["model.safetensors"], _run.Backend, settings, extra);
}
