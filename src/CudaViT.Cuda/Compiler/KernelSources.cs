using System.Diagnostics.CodeAnalysis;

namespace CudaViT.Cuda;

/// <summary>The text of all kernel files: those inside this program, or a folder's.</summary>
public sealed class KernelSources
{
    private readonly SortedDictionary<string, string> _texts;
    private readonly SortedDictionary<string, string> _otherOrigins; // of files that do not come from Origin

    private KernelSources(
        string origin, SortedDictionary<string, string> texts, SortedDictionary<string, string>? otherOrigins = null) =>
        (Origin, _texts, _otherOrigins) = (origin, texts, otherOrigins ?? new(StringComparer.Ordinal));

    /// <summary>Where the files come from, for messages: a folder, or "built in".</summary>
    public string Origin { get; }

    /// <summary>Names of all files below <c>kernels/</c>, in ordinal order, with forward slashes.</summary>
    public IReadOnlyCollection<string> Names => _texts.Keys;

    /// <summary>Names of the files that <see cref="WithMissingFrom"/> added.</summary>
    public IReadOnlyCollection<string> Added => _otherOrigins.Keys;

    /// <summary>A file's text.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public string this[string name] => TryGet(name, out string? text)
        ? text
        : throw new FileNotFoundException($"There is no kernel file {name} in {Origin}.", name);

    /// <summary>The files that this program was built with.</summary>
    public static KernelSources BuiltIn()
    {
        const string Prefix = "kernels/";
        var texts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (string resource in typeof(KernelSources).Assembly.GetManifestResourceNames())
        {
            if (resource.StartsWith(Prefix, StringComparison.Ordinal))
            {
                using Stream stream = typeof(KernelSources).Assembly.GetManifestResourceStream(resource)!;
                using var reader = new StreamReader(stream);
                texts.Add(resource[Prefix.Length..], Normalize(reader.ReadToEnd()));
            }
        }

        return new KernelSources("built in", texts);
    }

    /// <summary>The files of a folder, so that edited kernels run without rebuilding the program.</summary>
    /// <exception cref="DirectoryNotFoundException">The folder is missing or has no kernel files.</exception>
    public static KernelSources FromDirectory(string path)
    {
        var texts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        string[] files = Directory.Exists(path) ? Directory.GetFiles(path, "*", SearchOption.AllDirectories) : [];
        foreach (string file in files)
        {
            if (Path.GetExtension(file) is ".cu" or ".cuh")
            {
                texts.Add(Path.GetRelativePath(path, file).Replace('\\', '/'), Normalize(File.ReadAllText(file)));
            }
        }

        return texts.Count > 0
            ? new KernelSources(Path.GetFullPath(path), texts)
            : throw new DirectoryNotFoundException(
                $"{path} has no kernel files (*.cu, *.cuh); expected a folder like this project's kernels/.");
    }

    /// <summary>Files that stand nowhere but in memory.</summary>
    /// <param name="origin">Where they come from, for messages.</param>
    /// <param name="texts">Text by name, as in <c>#include</c>.</param>
    public static KernelSources FromTexts(string origin, IReadOnlyDictionary<string, string> texts)
    {
        ArgumentNullException.ThrowIfNull(texts);
        var own = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, string text) in texts)
        {
            own.Add(name, Normalize(text));
        }

        return new KernelSources(origin, own);
    }

    /// <summary>
    /// These files, and the others' where these have none of that name: a folder may hold the edited files alone.
    /// </summary>
    public KernelSources WithMissingFrom(KernelSources others)
    {
        ArgumentNullException.ThrowIfNull(others);
        var texts = new SortedDictionary<string, string>(_texts, StringComparer.Ordinal);
        var origins = new SortedDictionary<string, string>(_otherOrigins, StringComparer.Ordinal);
        foreach ((string name, string text) in others._texts)
        {
            if (texts.TryAdd(name, text))
            {
                origins.Add(name, others.OriginOf(name));
            }
        }

        return new KernelSources(Origin, texts, origins);
    }

    /// <summary>Where a file comes from, as in <see cref="Origin"/>.</summary>
    public string OriginOf(string name) => _otherOrigins.GetValueOrDefault(name, Origin);

    /// <summary>A file's text, if there is such a file.</summary>
    public bool TryGet(string name, [NotNullWhen(true)] out string? text) => _texts.TryGetValue(name, out text);

    // Line ends must not decide about a cache entry.
    private static string Normalize(string text) => text.Replace("\r\n", "\n", StringComparison.Ordinal);
}
