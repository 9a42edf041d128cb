using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Checkpoints.Export;
using CudaViT.Training.Checkpoints.Import;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Checkpoints;

/// <summary>What people name in place of a checkpoint: the message says what it is and what to do.</summary>
public sealed class FileKindTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, byte[], string, string> Files => new()
    {
        { "x.jpg", [0xff, 0xd8, 0xff, 0xe0, 0, 16, .. "JFIF"u8], "a JPEG image", "--data" },
        { "x.png", [0x89, .. "PNG\r\n"u8, 0x1a, 10, 0, 0, 0, 13], "a PNG image", "--data" },
        { "x.gif", [.. "GIF89a..."u8], "a GIF image", "--data" },
        { "x.webp", [.. "RIFF....WEBPVP8 "u8], "a WebP image", "--data" },
        { "x.onnx", Onnx(), "an ONNX model", "exported from" },
        { "x.tar", Tar(), "a tar archive", "unpack" },
        { "x.pth.gz", Gzip(), "a gzip file", "unpack" },
        { "x.h5", [0x89, .. "HDF\r\n\x1a\n"u8], "an HDF5 file", "PyTorch or safetensors" },
        { "x.gguf", [.. "GGUF"u8, 3, 0, 0, 0], "a GGUF file", "PyTorch or safetensors" },
        { "x.npy", [0x93, .. "NUMPY"u8, 1, 0], "a NumPy array", "PyTorch or safetensors" },
        {
            "x.safetensors",
            [.. "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n"u8],
            "a Git LFS pointer", "git lfs pull"
        },
        { "x.pth", [.. "\n<!DOCTYPE html><html><head>"u8], "a web page", "download" },
        { "y.pth", [.. "<html lang=\"en\">"u8], "a web page", "download" },
        { "x.json", [.. "{ \"model\": {} }"u8], "a JSON file", "name the checkpoint" },
        { "empty.pth", [], "an empty file", "copy it again" },
    };

    [Theory, MemberData(nameof(Files))]
    public void Readers_of_checkpoints_say_what_a_file_is(string name, byte[] content, string kind, string advice)
    {
        string path = _folder.Write(name, content);
        Action[] readers =
        [
            () => SafetensorsFile.Open(path),
            () => CheckpointImport.Run(path, _folder["out"], new ImportRequest()),
            () => CheckpointExport.WriteSafetensors(path, _folder["out"], ExportPart.Encoder),
        ];
        Assert.All(readers, reader =>
        {
            string message = Assert.ThrowsAny<InputException>(reader).Message;
            Assert.StartsWith($"{path}: this is {kind}", message);
            Assert.Contains(advice, message);
            Assert.DoesNotContain('\n', message);
        });
        Assert.False(File.Exists(_folder["out"]));
    }

    // Both containers of torch.save: import reads them, and what wants an imported file says so.
    [Theory]
    [InlineData("PK\u0003\u0004", "a zip archive")]
    [InlineData("\u0080\u0002\u008a\u000a", "a Python pickle")]
    public void A_PyTorch_file_has_to_be_imported_first(string start, string kind)
    {
        string path = _folder.Write("x.pth", [.. Encoding.Latin1.GetBytes(start), .. new byte[40]]);
        string message = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(path)).Message;
        Assert.Contains(kind, message);
        Assert.Contains("cudavit import", message);
        Assert.DoesNotContain("this is a ", Assert.ThrowsAny<InputException>(
            () => CheckpointImport.Run(path, _folder["out"], new ImportRequest())).Message);
    }

    [Fact]
    public void A_folder_is_called_one() => Assert.Contains(
        "this is a folder", Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(_folder.Path)).Message);

    // The length of its header may be any number, and so look like any of the others.
    [Fact]
    public void A_safetensors_file_is_never_taken_for_another()
    {
        byte[][] beginnings =
            [.. Files.Select(row => (byte[])row[1]).Where(start => start.Length > 8), [.. "BM"u8, .. new byte[8]]];
        Assert.All(beginnings, start => Assert.Null(FileKind.Find([.. start[..8], (byte)'{', .. start[8..]])));
    }

    private static byte[] Tar()
    {
        var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, TarEntryFormat.Ustar, leaveOpen: true))
        {
            var entry = new UstarTarEntry(TarEntryType.RegularFile, "x.pth") { DataStream = new MemoryStream([1]) };
            writer.WriteEntry(entry);
        }

        return stream.ToArray();
    }

    private static byte[] Gzip()
    {
        var stream = new MemoryStream();
        using (var zip = new GZipStream(stream, CompressionMode.Compress, leaveOpen: true))
        {
            zip.Write([1, 2, 3]);
        }

        return stream.ToArray();
    }

    // As it is exported here.
    private static byte[] Onnx()
    {
        using var folder = new TemporaryFolder();
        using TestRun run = Backends.Open("cpu");
        string model = ModelFile.Write(folder["model"], run.Backend, TinyRun.Settings.Model);
        CheckpointExport.WriteOnnx(model, folder["x.onnx"]);
        return File.ReadAllBytes(folder["x.onnx"]);
    }
}
