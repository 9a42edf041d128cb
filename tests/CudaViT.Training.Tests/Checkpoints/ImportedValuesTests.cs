using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Checkpoints;

/// <summary>What is taken over of files that people have: under any wrapper, in any form, beside anything.</summary>
public sealed class ImportedValuesTests : ImportTestBase
{
    // What wrappers put into names, before them or within: DistributedDataParallel, torch.compile of a model or of each
    // block, FSDP, a class around the backbone.
    [Theory]
    [InlineData("module.{0}")]
    [InlineData("_orig_mod.{0}")]
    [InlineData("module._orig_mod.{0}")]
    [InlineData("_orig_mod.module.{0}")]
    [InlineData("model.{0}")]
    [InlineData("module.backbone.{0}")]
    [InlineData("model.encoder._orig_mod.{0}")]
    [InlineData("_fsdp_wrapped_module.{0}")]
    [InlineData("blocks.1.=blocks.1._orig_mod.")]
    [InlineData("blocks.=_orig_mod.blocks.")]
    [InlineData("attn.=module.attn._orig_mod.")]
    [InlineData("mlp.=_checkpoint_wrapped_module.mlp.")]
    public void Wrappers_are_taken_off_names_wherever_they_stand(string how)
    {
        string Wrapped(string name) => how.Split('=') is [string plain, string wrapped]
            ? name.Replace(plain, wrapped, StringComparison.Ordinal)
            : string.Format(CultureInfo.InvariantCulture, how, name);
        Encoder encoder = SmallEncoder();
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint(null, Entries(encoder)
            .Select(entry => (Wrapped(entry.Name), entry.Shape, entry.Data))
            .Append((Wrapped("head.weight"), [5L, 8], new byte[160]))));
        ImportReport report = Import(source, heads: 2);
        Assert.Equal([Wrapped("head.weight")], report.Classifier);
        Assert.Empty(report.Unexpected);
        AssertSameFeatures(encoder, 0);
    }

    // A backbone with something beside it that has nothing of its prefix: a head of a detector, a queue, a decoder.
    [Fact]
    public void What_stands_beside_a_backbone_is_left_out()
    {
        Encoder encoder = SmallEncoder();
        (string, IReadOnlyList<long>, byte[])[] beside =
        [
            ("head.fc.weight", [5, 8], new byte[160]), ("queue", [1], new byte[4]),
            ("decoder.blocks.0.norm1.weight", [1], new byte[4]), ("decoder_pos_embed", [1], new byte[4]),
        ];
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint("model", Entries(encoder)
            .Select(entry => ($"backbone.{entry.Name}", entry.Shape, entry.Data)).Concat(beside)));
        ImportReport report = Import(source, heads: 2);
        Assert.Equal(["head.fc.weight"], report.Classifier);
        Assert.Equal(["queue", "decoder.blocks.0.norm1.weight", "decoder_pos_embed"], report.Unexpected);
        AssertSameFeatures(encoder, 0);
    }

    // What training scripts keep beside the weights, and within the dictionary of the weights.
    [Fact]
    public void Objects_beside_the_weights_are_stepped_over_and_listed()
    {
        Encoder encoder = SmallEncoder();
        var storages = new Dictionary<string, byte[]> { ["s"] = new byte[6], ["c"] = new byte[16] };
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint("model", Entries(encoder), pickle => pickle
            .Text("args").Global("argparse", "Namespace").Op(")\u0081}").Text("lr").Op("K\u0001sb")
            .Text("best").Global("numpy.core.multiarray", "scalar").Op("(")
            .Global("numpy", "dtype").Op("C\u0002f8\u0085R").Op("C\u000812345678tR")
            .Text("ids").Tensor("s", [3], "ShortStorage")
            .Text("phase").Tensor("c", [2], "ComplexFloatStorage")
            .Op("N").Op("K\u0002").Op("K\u0003").Text("a number as key"), storages));
        ImportReport report = Import(source, heads: 2);
        Assert.Equal(
            [
                "epoch", "args (argparse.Namespace)", "best (numpy.core.multiarray.scalar)", "3", "None",
            ],
            report.Rest);
        Assert.Equal(
            ["ids (a type that is not read [3])", "phase (a type that is not read [2])"], report.Unexpected);
        AssertSameFeatures(encoder, 0);
    }

    // I16 and a type of tomorrow, beside the encoder; the first within it.
    [Theory]
    [InlineData("ids", "I16", 4, false)]
    [InlineData("ids", "F9", 3, false)]
    [InlineData("blocks.0.ids", "I16", 4, true)]
    public void Other_types_of_safetensors_are_stepped_over(string name, string dtype, int bytes, bool isWithin)
    {
        Encoder encoder = SmallEncoder();
        string source = Folder["x.safetensors"];
        using (FileStream stream = File.Create(source))
        {
            TensorFile.Write(stream, encoder.BackboneState());
        }

        AppendTensor(source, name, dtype, [2], new byte[bytes]);
        if (isWithin)
        {
            Assert.Contains($"{name} ({dtype} [2])", Refused(source));
        }
        else
        {
            Assert.Equal([$"{name} ({dtype} [2])"], Import(source, heads: 2).Unexpected);
            AssertSameFeatures(encoder, 0);
        }
    }

    // A transposed weight, a bias of one number, a slice of a larger storage: as PyTorch reads them.
    [Fact]
    public void Strided_and_expanded_tensors_are_those_of_PyTorch()
    {
        Encoder encoder = SmallEncoder();
        NdArray bias = encoder.BackboneState().Single(named => named.Name == "norm.bias").Array;
        bias.CopyFrom<float>([.. Enumerable.Repeat(0.5f, 8)]);
        (string Name, IReadOnlyList<long> Shape, byte[] Data)[] entries = [.. Entries(encoder)];
        float[] Values(string name) => MemoryMarshal.Cast<byte, float>(
            entries.Single(entry => entry.Name == name).Data).ToArray();
        float[] weight = Values("blocks.0.mlp.fc1.weight"); // [32, 8]
        float[] turned = new float[weight.Length];
        for (int i = 0; i < weight.Length; i++)
        {
            turned[(i % 8 * 32) + (i / 8)] = weight[i];
        }

        float[] padded = [9, 9, .. Values("norm.weight"), 9];
        var storages = new Dictionary<string, byte[]>
        {
            ["turned"] = MemoryMarshal.AsBytes(turned.AsSpan()).ToArray(),
            ["one"] = MemoryMarshal.AsBytes((Span<float>)[0.5f]).ToArray(),
            ["padded"] = MemoryMarshal.AsBytes(padded.AsSpan()).ToArray(),
        };
        string source = Folder.Write("x.pth", PickleWriter.Checkpoint(
            null,
            entries.Where(entry => entry.Name is not ("blocks.0.mlp.fc1.weight" or "norm.bias" or "norm.weight")),
            pickle => pickle
                .Text("blocks.0.mlp.fc1.weight").View("turned", weight.Length, 0, [32, 8], [1, 32])
                .Text("norm.bias").View("one", 1, 0, [8], [0])
                .Text("norm.weight").View("padded", padded.Length, 2, [8], [1]),
            storages));
        Import(source, heads: 2);
        AssertSameFeatures(encoder, 0);
    }

    // A terabyte of one number is no tensor of a model.
    [Fact]
    public void A_tensor_expanded_beyond_measure_is_not_read()
    {
        var storages = new Dictionary<string, byte[]> { ["one"] = new byte[4] };
        Encoder encoder = SmallEncoder();
        string Write(string name) => Folder.Write("x.pth", PickleWriter.Checkpoint(
            null, Entries(encoder), pickle => pickle.Text(name).View("one", 1, 0, [1L << 38], [0]), storages));
        Assert.Contains("blocks.0.mask (expanded far beyond the file", Refused(Write("blocks.0.mask")));
        Assert.Contains("mask (expanded far beyond the file", Assert.Single(Import(Write("mask"), 2).Unexpected));
    }

    [Theory]
    [InlineData(SafetensorsDType.F32)]
    [InlineData(SafetensorsDType.F64)]
    [InlineData(SafetensorsDType.F16)]
    [InlineData(SafetensorsDType.BF16)]
    public void Values_that_are_not_finite_are_counted(SafetensorsDType dtype)
    {
        IReadOnlyList<NamedArray> state = SmallEncoder().BackboneState();
        SafetensorsTensor[] tensors = [.. state.Select(named => new SafetensorsTensor(
            named.Name, dtype, [.. named.Array.Shape.Select(size => (long)size)]))];
        using (FileStream stream = File.Create(Folder["x.safetensors"]))
        {
            var writer = new SafetensorsWriter(stream, tensors);
            foreach (NamedArray named in state)
            {
                float[] values = named.Array.ToArray<float>();
                if (named.Name == "norm.weight")
                {
                    (values[1], values[3], values[5]) = (float.NaN, float.PositiveInfinity, float.NegativeInfinity);
                }

                writer.Write(named.Name, Bytes(values, dtype));
            }

            writer.Complete();
        }

        ImportReport report = Import(Folder["x.safetensors"], heads: 2);
        Assert.Equal(new NotFiniteTensor("base_encoder.norm.weight", 1, 2, 8), Assert.Single(report.NotFinite));
        (int status, string output, _) = CommandRunner.Run(
            "import", Folder["x.safetensors"], "--heads", "2", "--out", Folder["again"]);
        Assert.Equal(0, status);
        Assert.Contains("not finite: base_encoder.norm.weight (1 NaN and 2 infinite of 8 values)", output);
    }

    private static byte[] Bytes(float[] values, SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.F64 =>
            MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (double)value).AsSpan()).ToArray(),
        SafetensorsDType.F16 =>
            MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (Half)value).AsSpan()).ToArray(),
        SafetensorsDType.BF16 =>
            MemoryMarshal.AsBytes(Array.ConvertAll(values, value => (BFloat16)value).AsSpan()).ToArray(),
        _ => MemoryMarshal.AsBytes(values.AsSpan()).ToArray(),
    };

    // Puts a tensor of any type behind the others of a safetensors file.
    private static void AppendTensor(string path, string name, string dtype, int[] shape, byte[] data)
    {
        byte[] file = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        int end = file.Length - 8 - length;
        JsonObject header = JsonNode.Parse(file.AsSpan(8, length))!.AsObject();
        header[name] = new JsonObject
        {
            ["dtype"] = dtype,
            ["shape"] = new JsonArray([.. shape.Select(size => JsonValue.Create(size))]),
            ["data_offsets"] = new JsonArray(end, end + data.Length),
        };
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        byte[] prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)json.Length);
        File.WriteAllBytes(path, [.. prefix, .. json, .. file.AsSpan(8 + length), .. data]);
    }
}
