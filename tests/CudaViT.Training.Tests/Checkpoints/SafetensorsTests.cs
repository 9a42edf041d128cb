using System.Buffers.Binary;
using System.Text;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using FsCheck;
using FsCheck.Fluent;

namespace CudaViT.Training.Tests.Checkpoints;

public sealed class SafetensorsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    private SafetensorsFile OpenBytes(byte[] bytes)
    {
        File.WriteAllBytes(_path, bytes);
        return SafetensorsFile.Open(_path);
    }

    private static byte[] FileOf(string header, int dataLength) => FileOf(Encoding.UTF8.GetBytes(header), dataLength);

    private static byte[] FileOf(byte[] header, int dataLength)
    {
        byte[] file = new byte[8 + header.Length + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)header.Length);
        header.CopyTo(file, 8);
        return file;
    }

    private static byte[] Written(
        IReadOnlyList<(SafetensorsTensor Tensor, byte[] Data)> content, Dictionary<string, string>? metadata = null)
    {
        var stream = new MemoryStream();
        var writer = new SafetensorsWriter(stream, [.. content.Select(entry => entry.Tensor)], metadata);
        foreach ((SafetensorsTensor tensor, byte[] data) in content)
        {
            writer.Write(tensor.Name, data);
        }

        writer.Complete();
        return stream.ToArray();
    }

    private static bool IsUnicode(string text) => text == Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));

    // Any name, any type, up to three dimensions with zeros among them (empty tensors share an offset with the next).
    [Fact]
    public void What_was_written_is_read_back()
    {
        Gen<(string, SafetensorsDType, long[])> entries =
            from name in ArbMap.Default.GeneratorFor<UnicodeString>().Select(text => text.Get ?? "").Where(IsUnicode)
            from dtype in Gen.Elements(Enum.GetValues<SafetensorsDType>())
            from rank in Gen.Choose(0, 3)
            from shape in Gen.Choose(0, 4).Select(dimension => (long)dimension).ArrayOf(rank)
            select (name, dtype, shape);

        Prop.ForAll(entries.ListOf().ToArbitrary(), drawn =>
        {
            byte next = 0;
            var content = drawn.DistinctBy(entry => entry.Item1).Select(entry =>
            {
                var tensor = new SafetensorsTensor(entry.Item1, entry.Item2, entry.Item3);
                byte[] data = [.. Enumerable.Range(0, (int)tensor.SizeInBytes).Select(_ => next++)];
                return (tensor, data);
            }).ToList();

            using SafetensorsFile file = OpenBytes(Written(content));
            Assert.Equal(content.Count, file.Tensors.Count);
            foreach ((SafetensorsTensor tensor, byte[] data) in content)
            {
                Assert.Equal(tensor.DType, file[tensor.Name].DType);
                Assert.Equal(tensor.Shape, file[tensor.Name].Shape);
                Assert.Equal(data, file.ReadBytes(tensor.Name));
            }
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Metadata_comes_back_and_the_header_ends_on_a_multiple_of_eight()
    {
        var metadata = new Dictionary<string, string> { ["step"] = "12", ["arch"] = "vit \"s\" ü" };
        byte[] bytes = Written([(new SafetensorsTensor("x", SafetensorsDType.U8, 3), [1, 2, 3])], metadata);
        Assert.Equal(0UL, BinaryPrimitives.ReadUInt64LittleEndian(bytes) % 8);

        using SafetensorsFile file = OpenBytes(bytes);
        Assert.Equal(metadata, file.Metadata.ToDictionary());
    }

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        byte[] bytes = Written([(new SafetensorsTensor("a", SafetensorsDType.Bool, 2), [1, 0])]);
        const string Header = """{"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}"""; // 55 bytes, padded to 56
        Assert.Equal([56, 0, 0, 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(Header), (byte)' ', 1, 0], bytes);
    }

    [Fact]
    public void A_tensor_can_pass_through_a_small_buffer()
    {
        var tensor = new SafetensorsTensor("x", SafetensorsDType.I32, 2);
        var stream = new MemoryStream();
        var writer = new SafetensorsWriter(stream, [tensor]);
        writer.Write("x", [1, 2, 3]);
        writer.Write("x", [4, 5, 6, 7, 8]);
        writer.Complete();

        using SafetensorsFile file = OpenBytes(stream.ToArray());
        byte[] part = new byte[3];
        file.Read("x", part, offset: 5);
        Assert.Equal([6, 7, 8], part);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read("x", part, offset: 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read("x", part, offset: -1));
    }

    [Fact]
    public void The_writer_insists_on_what_was_described()
    {
        SafetensorsTensor a = new("a", SafetensorsDType.U8, 2), b = new("b", SafetensorsDType.U8, 1);
        var writer = new SafetensorsWriter(new MemoryStream(), [a, b]);
        Assert.Contains("'a' is due", Assert.Throws<InvalidOperationException>(() => writer.Write("b", [1])).Message);
        var tooLong = Assert.Throws<InvalidOperationException>(() => writer.Write("a", [1, 2, 3]));
        Assert.Contains("2 bytes", tooLong.Message);
        writer.Write("a", [1, 2]);
        Assert.Contains("0 of its 1", Assert.Throws<InvalidOperationException>(writer.Complete).Message);
        Assert.Throws<ArgumentException>(() => new SafetensorsWriter(new MemoryStream(), [a, a]));
        Assert.Throws<ArgumentException>(() => new SafetensorsTensor("x", SafetensorsDType.F32, -1));
        // half a character
        Assert.ThrowsAny<ArgumentException>(() => new SafetensorsTensor("\ud800", SafetensorsDType.F32));
        Assert.Throws<ArgumentException>(() => new SafetensorsTensor("x", SafetensorsDType.F32, 1L << 32, 1L << 32));
    }

    // Each row: a header, the number of data bytes after it, and what the message must say.
    [Theory]
    [InlineData("", 0, "not valid JSON")]
    [InlineData("[]", 0, "should be StartObject")]
    [InlineData("{", 0, "not valid JSON")]
    [InlineData("{} x", 0, "not valid JSON")]
    [InlineData("""{"a":5}""", 0, "should be StartObject")]
    [InlineData("""{"a":{"shape":[1],"data_offsets":[0,1]}}""", 1, "lacks one of")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}""", 1, "lacks one of")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}""", 1, "unknown field 'x'")]
    [InlineData("""{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 1,
        "'dtype' of tensor 'a' appears twice")]
    [InlineData("""{"a":{"dtype":"I16","shape":[2],"data_offsets":[0,3]}}""", 3, "does not fill")]
    [InlineData("""{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}""", 1, "does not fill")]
    [InlineData("""{"a":{"dtype":"C64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "does not fill")]
    [InlineData("""{"a":{"dtype":"NEW","shape":[1],"data_offsets":[0,9]}}""", 8, "has only 8")]
    [InlineData("""{"a":{"dtype":"NEW","shape":[1],"data_offsets":[1,0]}}""", 1, "does not fill")]
    [InlineData(
        """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"I8","shape":[1],"data_offsets":[1,2]}}""",
        2, "'a' appears twice")]
    [InlineData("""{"a":{"dtype":"","shape":[1],"data_offsets":[0,1]}}""", 1, "dtype ''")]
    [InlineData("""{"a":{"dtype":"7","shape":[1],"data_offsets":[0,1]}}""", 1, "dtype '7'")] // a number of the enum
    [InlineData("""{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}""", 1, "other than integers")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}""", 1, "other than integers")]
    [InlineData("""{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}""", 1, "other than integers")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}""", 1,
        "other than integers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,2]}}""", 2, "does not fill")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}""", 1, "does not fill")]
    // 2^66 wraps to 0
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "does not fill")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]}}""", 8, "has only 8")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9000000000],"data_offsets":[0,9000000000]}}""", 8, "has only 8")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}""", 2, "1 bytes follow the last tensor")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""", 2, "begins at byte 1")] // a gap
    [InlineData(
        """{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""",
        2, "begins at byte 1")] // an overlap
    [InlineData(
        """{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}""",
        2, "'a' appears twice")]
    [InlineData("""{"__metadata__":{"k":1}}""", 0, "should be String")]
    [InlineData("""{"__metadata__":{"k":"1","k":"2"}}""", 0, "appears twice")]
    [InlineData("""{"__metadata__":{},"__metadata__":{}}""", 0, "appears twice")]
    // half a character
    [InlineData("""{"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""", 0, "not valid JSON")]
    public void A_malformed_header_is_refused_with_its_reason(string header, int dataLength, string reason)
    {
        var error = Assert.Throws<SafetensorsException>(() => OpenBytes(FileOf(header, dataLength)));
        Assert.Contains(reason, error.Message);
        Assert.Contains(_path, error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    // Of known sizes and of one that the format does not have yet: the tensors around them are read.
    [Theory]
    [InlineData("I8", 3)]
    [InlineData("I16", 6)]
    [InlineData("U16", 6)]
    [InlineData("U32", 12)]
    [InlineData("U64", 24)]
    [InlineData("F8_E4M3", 3)]
    [InlineData("C64", 24)]
    [InlineData("F6_E2M3", 3)] // 18 bits
    [InlineData("NEW_2", 5)]
    public void Tensors_of_other_types_are_stepped_over_and_listed(string dtype, int bytes)
    {
        string header = $$$"""
            {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},
            "x":{"dtype":"{{{dtype}}}","shape":[3],"data_offsets":[1,{{{1 + bytes}}}]},
            "b":{"dtype":"U8","shape":[2],"data_offsets":[{{{1 + bytes}}},{{{3 + bytes}}}]}}
            """;
        byte[] content = FileOf(header, 3 + bytes);
        content[^1] = 7;
        using SafetensorsFile file = OpenBytes(content);
        Assert.Equal(["a", "b"], file.Tensors.Select(tensor => tensor.Name));
        Assert.Equal([0, 7], file.ReadBytes("b"));
        Assert.Equal($"x ({dtype} [3])", Assert.Single(file.Others).ToString());
        Assert.False(file.Contains("x"));
    }

    [Fact]
    public void Empty_shapes_are_empty_whatever_else_is_in_them() => Assert.Equal(
        0, new SafetensorsTensor("x", SafetensorsDType.F64, 1L << 62, 1L << 62, 0).SizeInBytes);

    [Fact]
    public void Text_that_is_not_utf8_is_refused() =>
        Assert.Throws<SafetensorsException>(() => OpenBytes(FileOf([.. "{\""u8, 0xff, .. "\"}"u8], 0)));

    [Fact]
    public void A_file_too_short_for_its_prefix_is_refused() =>
        Assert.Contains("truncated", Assert.Throws<SafetensorsException>(() => OpenBytes([1, 2, 3])).Message);

    [Fact]
    public void An_absurd_header_length_is_refused_without_allocating_it()
    {
        byte[] file = FileOf("{}", 0);
        BinaryPrimitives.WriteUInt64LittleEndian(file, 1UL << 62);
        File.WriteAllBytes(_path, file);

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(_path));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        byte[] whole = Written([(new SafetensorsTensor("x", SafetensorsDType.F32, 2), new byte[8])]);
        for (int length = 0; length < whole.Length; length++)
        {
            Assert.Throws<SafetensorsException>(() => OpenBytes(whole[..length]));
        }
    }

    // Files written by the format's own implementation; our writer gives the same tensors back in the same order.
    [Fact, Trait("Category", "Fixtures")]
    public void Every_recorded_file_opens_and_survives_a_copy()
    {
        string[] paths = Directory.GetFiles(Fixtures.Root, "*.safetensors", SearchOption.AllDirectories);
        Assert.NotEmpty(paths);
        foreach (string path in paths)
        {
            using SafetensorsFile original = SafetensorsFile.Open(path);
            var content = original.Tensors.Select(tensor => (tensor, original.ReadBytes(tensor.Name))).ToList();
            using SafetensorsFile copy = OpenBytes(Written(content));
            Assert.Equal(original.Tensors.Select(tensor => $"{tensor}"), copy.Tensors.Select(tensor => $"{tensor}"));
            Assert.All(content, entry => Assert.Equal(entry.Item2, copy.ReadBytes(entry.tensor.Name)));
        }
    }

    [Fact]
    public void A_missing_file_a_folder_and_a_missing_tensor_say_so()
    {
        string missing = _path + ".missing";
        Assert.Contains(missing, Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(missing)).Message);
        Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(Path.GetTempPath()));

        using SafetensorsFile file = OpenBytes(FileOf("{}", 0));
        Assert.Contains("'w'", Assert.Throws<SafetensorsException>(() => file["w"]).Message);
        Assert.False(file.Contains("w"));
    }
}
