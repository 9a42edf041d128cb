using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CudaViT.Cuda;

/// <summary>
/// Compiled kernels on disk, shared by all processes of a user. An entry is found by everything that decides its
/// content and is checked when it is read; a damaged one is compiled again. A folder that cannot be written only costs
/// time.
/// </summary>
/// <remarks>
/// An entry is a file: 8 bytes of magic, length of the code and of the log (8 bytes each, little-endian), SHA-256 of
/// code and log together, then code and log. It is written under another name, flushed and renamed, so that no process
/// sees half of one; processes that write the same entry at once write the same bytes.
/// </remarks>
public sealed class KernelCache
{
    private const int HashOffset = 24;
    private const int HeaderSize = HashOffset + SHA256.HashSizeInBytes;

    private readonly Action<string> _note;
    private int _wroteInVain;

    /// <summary>Uses a folder, which is made when the first entry is written.</summary>
    /// <param name="folder">The folder; null for <c>cubin</c> in <see cref="CacheFolder"/>.</param>
    /// <param name="note">Gets a line when an entry is damaged or cannot be written; null for standard error.</param>
    public KernelCache(string? folder = null, Action<string>? note = null) => (Folder, _note) = (
        folder ?? CacheFolder.For("cubin"), note ?? (text => Console.Error.WriteLine($"cudavit: {text}")));

    /// <summary>The folder.</summary>
    public string Folder { get; }

    private static ReadOnlySpan<byte> Magic => "CVKRNL01"u8;

    /// <summary>The name of an entry: a hash of all that decides what the compiler makes.</summary>
    /// <param name="module">File, headers and build.</param>
    /// <param name="options">The compiler's options, the architecture among them.</param>
    /// <param name="compiler">The compiler's version.</param>
    internal static string Key(KernelModule module, IEnumerable<string> options, Version compiler)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(compiler.ToString());
        Append(string.Join('\n', options));
        Append(module.File.Folder); // stands in the code's line numbers, as does the name
        Append(module.File.Name);
        Append(module.File.Text);
        foreach ((string name, string text) in module.File.Includes)
        {
            Append(name);
            Append(text);
            if (module.File.FolderOf(name) is var folder && folder != module.File.Folder)
            {
                Append(folder);
            }
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        // With its length before it, or text could move from one part to the next unnoticed.
        void Append(string part)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            Span<byte> length = stackalloc byte[sizeof(int)];
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }
    }

    /// <summary>Reads an entry; null where there is none, or none that is whole.</summary>
    internal (byte[] Image, string Log)? TryRead(string key)
    {
        string path = PathOf(key);
        byte[] content;
        try
        {
            content = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _note($"the kernel cache entry {path} cannot be read ({error.Message.TrimEnd('.')}); compiling again");
            return null;
        }

        if (Unpack(content) is { } entry)
        {
            return entry;
        }

        _note($"the kernel cache entry {path} is damaged; compiling again");
        return null;
    }

    /// <summary>Writes an entry. Where that fails there is one note, and no exception.</summary>
    internal void Write(string key, byte[] image, string log)
    {
        string path = PathOf(key);
        string unfinished = string.Create(
            CultureInfo.InvariantCulture, $"{path}.{Environment.ProcessId}.{Guid.NewGuid():n}.tmp");
        try
        {
            Directory.CreateDirectory(Folder);
            using (var file = new FileStream(unfinished, FileMode.CreateNew, FileAccess.Write))
            {
                file.Write(Pack(image, Encoding.UTF8.GetBytes(log)));
                file.Flush(flushToDisk: true);
            }

            File.Move(unfinished, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            TryDelete(unfinished);
            if (Interlocked.Exchange(ref _wroteInVain, 1) == 0)
            {
                _note($"compiled kernels cannot be kept in {Folder} ({error.Message.TrimEnd('.')}); "
                    + $"every run compiles them again; set {CacheFolder.Variable} to a folder that can be written");
            }
        }
    }

    internal string PathOf(string key) => Path.Combine(Folder, key + ".kernels");

    private static byte[] Pack(byte[] image, byte[] log)
    {
        byte[] content = new byte[HeaderSize + image.Length + log.Length];
        Magic.CopyTo(content);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(8), image.Length);
        BinaryPrimitives.WriteInt64LittleEndian(content.AsSpan(16), log.Length);
        image.CopyTo(content.AsSpan(HeaderSize));
        log.CopyTo(content.AsSpan(HeaderSize + image.Length));
        SHA256.HashData(content.AsSpan(HeaderSize), content.AsSpan(HashOffset));
        return content;
    }

    private static (byte[] Image, string Log)? Unpack(byte[] content)
    {
        if (content.Length < HeaderSize || !content.AsSpan().StartsWith(Magic))
        {
            return null;
        }

        long imageLength = BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(8));
        long logLength = BinaryPrimitives.ReadInt64LittleEndian(content.AsSpan(16));
        ReadOnlySpan<byte> body = content.AsSpan(HeaderSize);
        bool isWhole = imageLength >= 0 && imageLength <= body.Length && logLength == body.Length - imageLength
            && SHA256.HashData(body).AsSpan().SequenceEqual(content.AsSpan(HashOffset, SHA256.HashSizeInBytes));
        return isWhole
            ? (body[..(int)imageLength].ToArray(), Encoding.UTF8.GetString(body[(int)imageLength..]))
            : null;
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // What cannot be deleted is only clutter: its name is never looked for.
        }
    }
}
