namespace CudaViT.Cuda;

/// <summary>All kernels of a set of sources, by the names they are launched by.</summary>
public sealed class KernelCatalog
{
    private readonly Dictionary<string, (KernelFile File, KernelEntry Entry)> _entries = new(StringComparer.Ordinal);

    /// <summary>Reads all files.</summary>
    /// <exception cref="FormatException">
    /// A header or declaration is not in the expected form, or a name is used twice.
    /// </exception>
    public KernelCatalog(KernelSources sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        Sources = sources;
        Files = [.. sources.Names.Where(name => name.EndsWith(".cu", StringComparison.Ordinal))
            .Select(name => KernelFile.Read(name, sources))];
        foreach (KernelFile file in Files)
        {
            foreach (KernelEntry entry in file.Entries)
            {
                if (!_entries.TryAdd(entry.Name, (file, entry)))
                {
                    throw new FormatException(
                        $"{file.Name}: {entry.Name} is declared in {_entries[entry.Name].File.Name} as well; "
                        + "entries need names of their own.");
                }
            }
        }
    }

    /// <summary>Where the files come from.</summary>
    public KernelSources Sources { get; }

    /// <summary>All kernel files, by name.</summary>
    public IReadOnlyList<KernelFile> Files { get; }

    /// <summary>Every compilation that the program may ask for.</summary>
    public IEnumerable<KernelModule> Modules =>
        Files.SelectMany(file => file.Builds.Select(build => new KernelModule(file, build)));

    /// <summary>Finds a kernel and its file.</summary>
    /// <exception cref="ArgumentException">There is no such kernel.</exception>
    public (KernelFile File, KernelEntry Entry) Find(string entry) => _entries.TryGetValue(entry, out var found)
        ? found
        : throw new ArgumentException($"There is no kernel {entry} in {Sources.Origin}.", nameof(entry));
}

/// <summary>One compilation: a kernel file for one build.</summary>
/// <param name="File">The file, with its entries and everything it includes.</param>
/// <param name="Build">What to compile it for.</param>
public sealed record KernelModule(KernelFile File, KernelBuild Build)
{
    /// <summary>File and build, for messages.</summary>
    public override string ToString() => $"{File.Name} ({Build.ToString().ToLowerInvariant()})";
}
