using System.Globalization;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Torch;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Checkpoints.Torch;

public sealed class TorchFileTests : IDisposable
{
    private static readonly TorchElement Single = new(sizeof(float), SafetensorsDType.F32);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Recorded =>
        [.. Directory.GetFiles(TestKit.Fixtures.File("checkpoint"), "*.pth.tar")
            .Select(path => Path.GetFileName(path)).Order()];

    // Every tensor of the recorded file, wherever it hangs: state_dict.NAME, optimizer.state.INDEX.FIELD, NAME.
    [Theory, MemberData(nameof(Recorded))]
    [Trait("Category", "Fixtures")]
    public void Tensors_are_the_recorded_ones_bit_for_bit(string name)
    {
        string path = TestKit.Fixtures.File("checkpoint", name);
        using TorchFile file = TorchFile.Open(path);
        using SafetensorsFile expected = SafetensorsFile.Open(path.Replace(".pth.tar", ".safetensors"));
        var found = new Dictionary<string, TorchTensor>();
        Collect(Assert.IsType<PickleDict>(file.Root), "", found);
        found = found.ToDictionary(pair => pair.Key.Replace("tensors.", ""), pair => pair.Value);
        Assert.Equal(
            expected.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal),
            found.Keys.Order(StringComparer.Ordinal));
        foreach (SafetensorsTensor tensor in expected.Tensors)
        {
            TorchTensor actual = found[tensor.Name];
            Assert.Equal((tensor.DType, tensor.SizeInBytes), (actual.Storage.DType, actual.SizeInBytes));
            Assert.Equal(tensor.Shape, actual.Shape);
            Assert.True(expected.ReadBytes(tensor.Name).AsSpan().SequenceEqual(Bytes(file, actual)), tensor.Name);
        }
    }

    [Theory, MemberData(nameof(Recorded))]
    [Trait("Category", "Fixtures")]
    public void Everything_besides_tensors_is_the_recorded(string name)
    {
        JsonObject all = JsonNode.Parse(File.ReadAllText(TestKit.Fixtures.File("checkpoint", "contents.json")))!
            .AsObject();
        if (all[name]?["arch"] is not { } arch)
        {
            return; // the corner cases have a test of their own
        }

        using TorchFile file = TorchFile.Open(TestKit.Fixtures.File("checkpoint", name));
        var root = (PickleDict)file.Root!;
        Assert.True(root.TryGet("arch", out string? readArch) && readArch == (string)arch!);
        Assert.True(root.TryGet("epoch", out long epoch) && epoch == (long)all[name]!["epoch"]!);
        Assert.True(root.TryGet("state_dict", out PickleDict? state));
        Assert.Equal(
            all[name]!["state_dict_order"]!.AsArray().Select(key => (string)key!),
            state.Select(pair => (string)pair.Key));
        Assert.True(root.TryGet("scaler", out PickleDict? scaler));
        Assert.True(scaler.TryGet("scale", out double scale) && scale == (double)all[name]!["scaler"]!["scale"]!);
        Assert.True(root.TryGet("optimizer", out PickleDict? optimizer));
        Assert.True(optimizer.TryGet("param_groups", out List<object?>? groups));
        Assert.True(((PickleDict)groups[0]!).TryGet("lr", out double rate));
        Assert.Equal((double)all[name]!["param_groups"]![0]!["lr"]!, rate);
    }

    [Fact]
    [Trait("Category", "Fixtures")]
    public void Values_of_every_kind_are_read()
    {
        using TorchFile file = TorchFile.Open(TestKit.Fixtures.File("checkpoint", "corner_cases.pth.tar"));
        var root = (PickleDict)file.Root!;
        Dictionary<string, object?> values = root.ToDictionary(pair => (string)pair.Key, pair => pair.Value);
        Assert.Null(values["none"]);
        Assert.Equal(-7L, values["negative"]);
        Assert.Equal(BigInteger.Pow(2, 70), values["big"]);
        Assert.Equal("café", values["unicode"]);
        var list = Assert.IsType<List<object?>>(values["list"]);
        Assert.Equal([1L, 2.5, "text"], list[..3]);
        Assert.Equal([true, false], Assert.IsType<PickleTuple>(list[3]).Items);
    }

    // What runs code in Python, in the order of how often it is seen in attacks; then what PyTorch never writes.
    [Theory]
    [InlineData("cposix\nsystem\n", "posix.system")]
    [InlineData("cbuiltins\neval\n", "builtins.eval")]
    [InlineData("c__builtin__\nexec\n", "__builtin__.exec")]
    [InlineData("cos\nsystem\n", "os.system")]
    [InlineData("cos.path\njoin\n", "os.path.join")]
    [InlineData("csubprocess\nPopen\n", "subprocess.Popen")]
    [InlineData("X\u000a\u0000\u0000\u0000subprocessX\u0003\u0000\u0000\u0000run\u0093", "subprocess.run")]
    [InlineData("(ios\nsystem\n", "os.system")]
    [InlineData("\u0082\u0001", "Ext1")]
    [InlineData("P1\n", "PersId")]
    [InlineData("I1\n", "Int")]
    [InlineData("\u00ff", "0xff")]
    public void Everything_else_is_refused_by_name(string opcodes, string named)
    {
        string message = Refused(new PickleWriter().Op(opcodes).Finish());
        Assert.Contains($" {named}", message);
        Assert.Contains("refused", message);
    }

    // Small files that ask for much: each must fail at once and for its own reason.
    [Theory]
    [InlineData("X\u00ff\u00ff\u00ff\u007f", "ends too early")]
    [InlineData("B\u00ff\u00ff\u00ff\u007f", "ends too early")]
    [InlineData("\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u007f", "ends too early")]
    [InlineData("\u008e\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "above 2^63")]
    [InlineData("X\u00ff\u00ff\u00ff\u00ff", "above 2^31")]
    [InlineData("\u008b\u00ff\u00ff\u00ff\u007f", "number has")]
    [InlineData("]r\u00ff\u00ff\u00ff\u007f", "remembers")]
    [InlineData("h\u0005", "recalls")]
    [InlineData("]h\u0000a", "recalls")]
    [InlineData("t", "mark")]
    [InlineData("](NNu", "no dictionary")]
    [InlineData("}(NNNu", "no dictionary")]
    [InlineData("NNa", "no list")]
    [InlineData("N(N\u0090", "no set")]
    [InlineData("(o", "no class")]
    [InlineData("}}\u0081", "no class")]
    [InlineData("]}b", "has none")]
    [InlineData("K\u0001K\u0002", "other than one value")]
    [InlineData("(K\u0001", "other than one value")]
    [InlineData("(.", "other than one value")]
    [InlineData("N)R", "no function")]
    [InlineData("ccollections\nOrderedDict\nK\u0001\u0085R", "arguments")]
    [InlineData("\u0080\u0063", "protocol")]
    [InlineData("K\u0001Q", "storage is described")]
    public void Malformed_pickles_end_in_one_line(string opcodes, string says)
    {
        string message = Refused(new PickleWriter().Op(opcodes).Finish());
        Assert.Contains(says, message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Endless_and_deep_pickles_are_bounded()
    {
        string deep = new('(', 1 << 18);
        Assert.Contains("value", Refused(new PickleWriter().Op(deep).Finish()));
        string nested = string.Concat(Enumerable.Repeat("\u0085", 1 << 18));
        PickleTuple? value = (PickleTuple?)Read(new PickleWriter().Op($"N{nested}").Finish());
        Assert.NotNull(value); // nobody recurses into it
        Assert.Contains("opcodes", Refused(new PickleWriter().Op(new string('N', (1 << 20) + 1)).Finish()));
    }

    public static TheoryData<long, long, long[], long[], string> BadViews => new()
    {
        { 4, 0, [5], [1], "beyond" },
        { 4, 1, [4], [1], "beyond" },
        { 4, 4, [1], [1], "beyond" },
        { 4, 0, [2], [4], "beyond" },
        { 4, 0, [1L << 62, 1L << 62], [0, 0], "2^63 bytes" },
        { 4, 0, [1L << 61], [0], "2^63 bytes" },
        { 4, 4, [3, 3], [0, 0], "beyond" },
        { 4, 0, [2, 2], [long.MaxValue, long.MaxValue], "beyond" },
        { 4, 0, [1L << 40, 1L << 20], [long.MaxValue, 1], "beyond" },
        { 4, 0, [2], [-1], "do not belong" },
        { 4, 0, [-2], [1], "do not belong" },
        { 4, -1, [2], [1], "do not belong" },
        { 4, 0, [2], [1, 1], "do not belong" },
    };

    [Theory, MemberData(nameof(BadViews))]
    public void A_view_stays_within_its_storage(
        long count, long offset, long[] shape, long[] stride, string says)
    {
        var storage = new TorchStorage(Single, count);
        Assert.Null(TorchTensor.TryCreate(storage, offset, shape, stride, out string problem));
        Assert.Contains(says, problem);
    }

    // As PyTorch reads them, row by row: element (i, j) is number offset + i * stride[0] + j * stride[1].
    public static TheoryData<long, long[], long[], float[]> Views => new()
    {
        { 0, [2, 3], [3, 1], [0, 1, 2, 3, 4, 5] },
        { 0, [3, 2], [1, 3], [0, 3, 1, 4, 2, 5] },             // transposed
        { 1, [2, 2], [4, 2], [1, 3, 5, 7] },                   // every other one, from the second on
        { 5, [3], [0], [5, 5, 5] },                            // expanded
        { 2, [2, 3], [1, 0], [2, 2, 2, 3, 3, 3] },             // a column expanded to a matrix
        { 2, [2, 3], [0, 1], [2, 3, 4, 2, 3, 4] },             // a row expanded
        { 0, [3, 3], [1, 1], [0, 1, 2, 1, 2, 3, 2, 3, 4] },    // windows that overlap
        { 7, [], [], [7] },
        { 7, [1, 1], [100, 100], [7] },                        // strides of axes of size 1 mean nothing
        { 0, [2, 0], [1, 1], [] },
        { 11, [12], [0], [11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11] },
    };

    [Theory, MemberData(nameof(Views))]
    public void Views_are_read_as_PyTorch_reads_them(long offset, long[] shape, long[] stride, float[] expected)
    {
        float[] numbers = [.. Enumerable.Range(0, 12).Select(i => (float)i)];
        byte[] pickle = new PickleWriter().View("0", numbers.Length, offset, shape, stride).Finish();
        using TorchFile file = TorchFile.Open(_folder.Write("x.pth", PickleWriter.Zip(
            pickle, new Dictionary<string, byte[]> { ["0"] = MemoryMarshal.AsBytes(numbers.AsSpan()).ToArray() })));
        var tensor = (TorchTensor)file.Root!;
        Assert.Equal(expected, MemoryMarshal.Cast<byte, float>(Bytes(file, tensor)).ToArray());
    }

    // A pickle that runs nothing here also says nothing but what its objects are called.
    [Theory]
    [InlineData("cargparse\nNamespace\n)\u0081}X\u0002\u0000\u0000\u0000lrG?PbM\u00d2\u00f1\u00a9\u00fcsb",
        "argparse.Namespace")]
    [InlineData("cpathlib\nPosixPath\n(X\u0001\u0000\u0000\u0000aX\u0001\u0000\u0000\u0000btR", "pathlib.PosixPath")]
    [InlineData(
        "cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\nX\u0002\u0000\u0000\u0000f8K\u0000K\u0001\u0087R"
        + "c_codecs\nencode\nX\u0001\u0000\u0000\u0000?X\u0006\u0000\u0000\u0000latin1\u0086RtR",
        "numpy.core.multiarray.scalar")]
    [InlineData("cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\nNRC\u0003abctR", "numpy._core.multiarray.scalar")]
    [InlineData("ccollections\ndefaultdict\nc__builtin__\nlist\n\u0085R(K\u0001K\u0002u", "collections.defaultdict")]
    [InlineData("cmy.list\nList\n)\u0081(K\u0001K\u0002eK\u0003a", "my.list.List")]
    [InlineData("cmy\nOptions\n)}\u0092", "my.Options")]
    [InlineData("(cmy\nOld\nK\u0001o", "my.Old")]
    [InlineData("(K\u0001imy\nOlder\n", "my.Older")]
    [InlineData("c__builtin__\ngetattr\ncmy\nOuter\nX\u0005\u0000\u0000\u0000Inner\u0086R", "__builtin__.getattr")]
    [InlineData("ctorch._utils\n_rebuild_sparse_tensor\n)R", "torch._utils._rebuild_sparse_tensor")]
    [InlineData("ctorch\ndevice\nX\u0003\u0000\u0000\u0000cpu\u0085R", "torch.device")]
    [InlineData("\u008f(K\u0001K\u0002\u0090", "set")]
    [InlineData("(K\u0001K\u0002\u0091", "set")]
    [InlineData("C\u0003abc", "bytes")]
    [InlineData("B\u0002\u0000\u0000\u0000ab", "bytes")]
    [InlineData("\u0096\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000a", "bytes")]
    [InlineData("K\u00010C\u00000C\u0001a20(NN1", "bytes")] // pushed and popped again
    public void Objects_of_other_classes_are_stepped_over(string opcodes, string kind) =>
        Assert.Equal(new PickleOpaque(kind), Read(new PickleWriter().Op(opcodes).Finish()));

    [Fact]
    public void Long_texts_are_stepped_over() => Assert.Equal(
        new PickleOpaque("a long text"), Read(new PickleWriter().Text(new string('x', 1 << 20)).Finish()));

    [Fact]
    public void Keys_of_other_kinds_are_named_and_the_rest_is_read()
    {
        byte[] pickle = new PickleWriter().Op("}(NK\u0001\u0088K\u0002)K\u0003C\u0001aK\u0004K\u0005K\u0006u").Finish();
        var dict = Assert.IsType<PickleDict>(Read(pickle));
        Assert.Equal(["None", "True", "a tuple", "bytes"], dict.OtherKeys);
        Assert.Equal(new KeyValuePair<object, object?>(5L, 6L), Assert.Single(dict));
        Assert.Equal(5, dict.Count);
    }

    // torch.save writes these for parameters and tensors to which somebody gave attributes.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Attributes_of_tensors_are_stepped_over(bool isParameter)
    {
        PickleWriter pickle = isParameter
            ? new PickleWriter().Global("torch._utils", "_rebuild_parameter_with_state").Op("(").Tensor("0", [1])
                .Op("\u0088").Global("collections", "OrderedDict").Op(")R}tR")
            : new PickleWriter().Global("torch._tensor", "_rebuild_from_type_v2").Op("(")
                .Global("torch._utils", "_rebuild_tensor_v2").Global("torch", "Tensor").Op("(")
                .Storage("FloatStorage", "0", 1).Int(0).Op("(").Int(1).Op("t(").Int(1).Op("t\u0089")
                .Global("collections", "OrderedDict").Op(")Rt}tR");
        using TorchFile file = TorchFile.Open(_folder.Write("x.pth", PickleWriter.Zip(
            pickle.Finish(), new Dictionary<string, byte[]> { ["0"] = [0, 0, 128, 63] })));
        Assert.Equal([0, 0, 128, 63], Bytes(file, Assert.IsType<TorchTensor>(file.Root)));
    }

    [Fact]
    public void Empty_views_are_whatever_their_other_sizes()
    {
        var storage = new TorchStorage(Single, 0);
        TorchTensor? tensor = TorchTensor.TryCreate(storage, 0, [1L << 62, 1L << 62, 0], [0, 0, 1], out _);
        Assert.Equal(0, tensor?.Count);
    }

    [Fact]
    public void A_storage_must_have_the_bytes_it_is_said_to_have()
    {
        byte[] pickle = new PickleWriter().Tensor("0", [4]).Finish();
        Assert.Contains("16 bytes", Refused(PickleWriter.Zip(pickle, new Dictionary<string, byte[]> { ["0"] = [1] })));
        Assert.Contains("data/0", Refused(PickleWriter.Zip(pickle, new Dictionary<string, byte[]>())));
        byte[] huge = new PickleWriter().Storage("FloatStorage", "0", long.MaxValue).Finish();
        Assert.Contains("elements", Refused(PickleWriter.Zip(huge, new Dictionary<string, byte[]>())));
    }

    // A key is looked up among the names of the archive and never becomes a path.
    [Fact]
    public void A_key_that_looks_like_a_path_is_only_a_name()
    {
        const string Key = "../../../etc/passwd";
        byte[] pickle = new PickleWriter().Tensor(Key, [1]).Finish();
        Assert.Contains("no entry", Refused(PickleWriter.Zip(pickle, new Dictionary<string, byte[]>())));
        using TorchFile file = TorchFile.Open(_folder.Write(
            "x.pth", PickleWriter.Zip(pickle, new Dictionary<string, byte[]> { [Key] = [0, 0, 128, 63] })));
        Assert.Equal([0, 0, 128, 63], Bytes(file, (TorchTensor)file.Root!));
    }

    // A thousand names for one large storage would be a thousand times the file on disk.
    [Fact]
    public void Views_of_one_storage_are_bounded_by_the_file()
    {
        byte[] pickle = new PickleWriter().Tensor("0", [1000]).Finish();
        using TorchFile file = TorchFile.Open(_folder.Write(
            "x.pth", PickleWriter.Zip(pickle, new Dictionary<string, byte[]> { ["0"] = new byte[4000] })));
        var tensor = (TorchTensor)file.Root!;
        Assert.Contains(
            "times the bytes", Assert.Throws<TorchException>(() =>
            {
                for (int i = 0; i < 20; i++)
                {
                    Bytes(file, tensor);
                }
            }).Message);
    }

    // One number that stands for a terabyte.
    [Fact]
    public void An_expanded_view_is_bounded_by_the_file()
    {
        byte[] pickle = new PickleWriter().View("0", 1, 0, [1L << 38], [0]).Finish();
        using TorchFile file = TorchFile.Open(_folder.Write(
            "x.pth", PickleWriter.Zip(pickle, new Dictionary<string, byte[]> { ["0"] = new byte[4] })));
        var tensor = (TorchTensor)file.Root!;
        Assert.False(file.IsBounded(tensor));
        Assert.Contains("times the bytes", Assert.Throws<TorchException>(() => Bytes(file, tensor)).Message);
    }

    [Fact]
    public void Other_files_are_named_and_end_in_one_line()
    {
        Assert.Contains("no file that torch.save wrote", Refused("hello, world"u8.ToArray()));
        Assert.Contains("no file that torch.save wrote", Refused([]));
        Assert.Contains("missing", Refused([.. "PK\u0003\u0004"u8.ToArray(), .. new byte[100]]));
        string message = Assert.Throws<TorchException>(() => TorchFile.Open(_folder["none.pth"])).Message;
        Assert.Contains(_folder["none.pth"], message);
    }

    private static byte[] Bytes(TorchFile file, TorchTensor tensor)
    {
        var stream = new MemoryStream();
        file.CopyTo(tensor, stream.Write);
        return stream.ToArray();
    }

    private static void Collect(PickleDict dict, string prefix, Dictionary<string, TorchTensor> found)
    {
        foreach ((object key, object? value) in dict)
        {
            string name = prefix + Convert.ToString(key, CultureInfo.InvariantCulture);
            if (value is TorchTensor tensor)
            {
                found.Add(name, tensor);
            }
            else if (value is PickleDict inner)
            {
                Collect(inner, name + ".", found);
            }
        }
    }

    // A pickle alone is wrapped in an archive without storages; whole files are taken as they are.
    private object? Read(byte[] bytes)
    {
        byte[] content = bytes.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x80, 2])
            ? PickleWriter.Zip(bytes, new Dictionary<string, byte[]>())
            : bytes;
        using TorchFile file = TorchFile.Open(_folder.Write("x.pth", content));
        return file.Root;
    }

    private string Refused(byte[] bytes)
    {
        string message = Assert.Throws<TorchException>(() => Read(bytes)).Message;
        Assert.DoesNotContain('\n', message);
        Assert.StartsWith(_folder["x.pth"], message);
        return message;
    }
}
