using System.Security.Cryptography;
using System.Text;
using CudaViT.Cuda;

namespace CudaViT.Emulator;

/// <summary>
/// A folder of shared libraries, each named by a hash of all that went into it. Several processes may use it at once: a
/// library is written under a name of its own and then renamed.
/// </summary>
internal sealed class CompilationCache
{
    public CompilationCache(string? directory)
    {
        Folder = Path.GetFullPath(directory ?? CacheFolder.For("emulator"));
        Directory.CreateDirectory(Folder);
    }

    /// <summary>Where the libraries are.</summary>
    public string Folder { get; }

    /// <summary>The path of a library; compiles it if it is missing or damaged.</summary>
    /// <param name="name">First part of the file's name.</param>
    /// <param name="files">What is compiled, by name.</param>
    /// <param name="key">Everything else that decides about the result: compiler, options.</param>
    /// <param name="compile">
    /// Compiles the files, which stand in the given folder, to the given path, whose last part is the library's own
    /// name; throws if that fails.
    /// </param>
    public string Get(
        string name, IReadOnlyDictionary<string, string> files, string key, Action<string, string> compile)
    {
        string path = Path.Combine(Folder, $"{name}-{Hash(files, key)}.so");
        if (IsSound(path))
        {
            return path;
        }

        DirectoryInfo work = Directory.CreateTempSubdirectory("cudavit-");
        try
        {
            foreach ((string file, string text) in files)
            {
                string target = Path.Combine(work.FullName, file);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                File.WriteAllText(target, text);
            }

            string result = Path.Combine(work.FullName, Path.GetFileName(path));
            compile(work.FullName, result);
            string draft = $"{path}.{Guid.NewGuid():n}";
            byte[] library = File.ReadAllBytes(result);
            File.WriteAllBytes(draft, [.. library, .. SHA256.HashData(library)]);
            File.Move(draft, path, overwrite: true);
        }
        finally
        {
            work.Delete(recursive: true);
        }

        return path;
    }

    // A hash follows the library's own bytes, where the loader does not look.
    private static bool IsSound(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        ReadOnlySpan<byte> bytes = File.ReadAllBytes(path);
        return bytes.Length > SHA256.HashSizeInBytes
            && bytes[^SHA256.HashSizeInBytes..].SequenceEqual(SHA256.HashData(bytes[..^SHA256.HashSizeInBytes]));
    }

    private static string Hash(IReadOnlyDictionary<string, string> files, string key)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(key);
        foreach ((string file, string text) in files.OrderBy(file => file.Key, StringComparer.Ordinal))
        {
            Add(file);
            Add(text);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 10));

        void Add(string part)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            hash.AppendData(BitConverter.GetBytes(bytes.Length));
            hash.AppendData(bytes);
        }
    }
}
