using System.Text;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// Knows by their first bytes what files are that people name in place of a checkpoint, so that a message can say more
/// than "damaged".
/// </summary>
/// <param name="Name">With its article: "a JPEG image".</param>
/// <param name="Advice">What to do about it.</param>
/// <param name="IsTorch">Whether <c>torch.save</c> may have written it.</param>
internal sealed record FileKind(string Name, string Advice, bool IsTorch = false)
{
    private const int BytesLookedAt = 512;
    private const int TarMagicAt = 257;
    private const int SafetensorsJsonAt = 8;

    private const string AskForImport = "import it first: cudavit import FILE --out NAME.safetensors";
    private const string Images = "images are named with --data, the model is another file";
    private const string Unpack = "unpack it, and name the checkpoint in it";
    private const string Again = "the download failed or wants a login; download the file itself";

    private const string OtherFormat = "take the PyTorch or safetensors file of the model";

    // Beginnings that no other file of this table has; the first that fits counts.
    private static readonly (byte[] Start, int At, FileKind Kind)[] Kinds =
    [
        Of([0xff, 0xd8, 0xff], "a JPEG image", Images),
        Of([0x89, .. "PNG"u8], "a PNG image", Images),
        Of([.. "GIF8"u8], "a GIF image", Images),
        Of([.. "WEBP"u8], "a WebP image", Images, at: 8),
        Of([.. "II*\0"u8], "a TIFF image", Images),
        Of([.. "MM\0*"u8], "a TIFF image", Images),
        Of([.. "ftyp"u8], "a HEIC image or a film", Images, at: 4),
        Of([.. "PK"u8, 3, 4], "a zip archive, as PyTorch writes .pth files", AskForImport, isTorch: true),
        Of([0x80, 2], "a Python pickle, as PyTorch wrote .pth files before 1.6", AskForImport, isTorch: true),
        Of([0x80, 3], "a Python pickle", AskForImport, isTorch: true),
        Of([0x80, 4], "a Python pickle", AskForImport, isTorch: true),
        Of([0x80, 5], "a Python pickle", AskForImport, isTorch: true),
        Of([.. "ustar"u8], "a tar archive", Unpack, at: TarMagicAt),
        Of([0x1f, 0x8b], "a gzip file", Unpack),
        Of([.. "BZh"u8], "a bzip2 file", Unpack),
        Of([0xfd, .. "7zXZ"u8], "an xz file", Unpack),
        Of([0x28, 0xb5, 0x2f, 0xfd], "a Zstandard file", Unpack),
        Of([(byte)'7', (byte)'z', 0xbc, 0xaf], "a 7z archive", Unpack),
        Of([0x89, .. "HDF"u8], "an HDF5 file, as Keras writes", OtherFormat),
        Of([.. "GGUF"u8], "a GGUF file", OtherFormat),
        Of([0x93, .. "NUMPY"u8], "a NumPy array", OtherFormat),
        Of([.. "version https://git-lfs"u8], "a Git LFS pointer rather than the file", "fetch it: git lfs pull"),
        Of([.. "%PDF"u8], "a PDF document", "name the checkpoint"),
        Of([.. "BM"u8], "a BMP image", Images),
    ];

    /// <summary>What a file is, if that is known and it is no safetensors file.</summary>
    /// <param name="path">A file; one that cannot be read is of no kind.</param>
    public static FileKind? Find(string path)
    {
        byte[] start = new byte[BytesLookedAt];
        try
        {
            using FileStream file = File.OpenRead(path);
            int read = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
            return Find(start.AsSpan(0, read));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What a file is, for the middle of a message: ", but a JPEG image", or nothing.</summary>
    public static string Told(string path) => Find(path) is { } kind ? $", but {kind.Name}" : "";

    /// <summary>What a file is that begins so.</summary>
    /// <param name="start">Its first bytes: 512 of them, or all there are.</param>
    public static FileKind? Find(ReadOnlySpan<byte> start)
    {
        if (start.IsEmpty)
        {
            return new FileKind("an empty file", "copy it again");
        }

        if (start.Length > SafetensorsJsonAt && start[SafetensorsJsonAt] == '{')
        {
            return null; // a length of 8 bytes may look like anything
        }

        foreach ((byte[] beginning, int at, FileKind kind) in Kinds)
        {
            if (start.Length >= at + beginning.Length && start.Slice(at, beginning.Length).SequenceEqual(beginning))
            {
                return kind;
            }
        }

        if (IsOnnx(start))
        {
            return new FileKind("an ONNX model", "take the file it was exported from: weights are not read from ONNX");
        }

        string text = Encoding.Latin1.GetString(start).TrimStart();
        return text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
                ? new FileKind("a web page (HTML)", Again)
            : text.StartsWith('{') ? new FileKind("a JSON file", "name the checkpoint; settings go to --settings")
            : null;
    }

    // A protobuf message whose first field is ir_version, a small number, and whose next is one that a model may have:
    // producer, its version, domain, model version, documentation, graph, operator sets, metadata.
    private static bool IsOnnx(ReadOnlySpan<byte> start) =>
        start is [0x08, > 0 and < 0x40, 0x12 or 0x1a or 0x22 or 0x28 or 0x32 or 0x3a or 0x42 or 0x72, ..];

    private static (byte[] Start, int At, FileKind Kind) Of(
        byte[] start, string name, string advice, int at = 0, bool isTorch = false) =>
        (start, at, new FileKind(name, advice, isTorch));
}
