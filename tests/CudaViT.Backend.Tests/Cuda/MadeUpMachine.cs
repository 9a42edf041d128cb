using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>A machine whose files and variables a test states; records what was loaded.</summary>
internal sealed class MadeUpMachine : ILibraryHost
{
    private readonly HashSet<string> _files = [];
    private readonly Dictionary<string, string> _variables = [];

    public bool IsWindows { get; init; }

    public string ProgramFolder { get; init; } = "/opt/cudavit";

    /// <summary>Names that the system's loader finds.</summary>
    public HashSet<string> LoaderKnows { get; } = [];

    /// <summary>Files that are there and cannot be loaded.</summary>
    public HashSet<string> Broken { get; } = [];

    /// <summary>What was loaded, in order.</summary>
    public List<string> Loaded { get; } = [];

    public IEnumerable<string> VariableNames => _variables.Keys;

    /// <summary>Sets a variable.</summary>
    public MadeUpMachine With(string variable, string value)
    {
        _variables[variable] = value;
        return this;
    }

    /// <summary>Adds files by their full paths; their folders are there as well.</summary>
    public MadeUpMachine WithFiles(params string[] paths)
    {
        _files.UnionWith(paths);
        return this;
    }

    public string? Variable(string name) => _variables.GetValueOrDefault(name);

    public bool FileExists(string path) => _files.Contains(path);

    public IEnumerable<string> FoldersIn(string folder) =>
        Below(folder).Where(rest => rest.Length > 1).Select(rest => rest[0]).Distinct();

    public IEnumerable<string> FilesIn(string folder) =>
        Below(folder).Where(rest => rest.Length == 1).Select(rest => rest[0]);

    public nint Load(string pathOrName, out string problem)
    {
        bool isThere = (_files.Contains(pathOrName) && !Broken.Contains(pathOrName))
            || LoaderKnows.Contains(pathOrName);
        problem = isThere ? "" : $"{pathOrName} cannot be loaded";
        if (!isThere)
        {
            return 0;
        }

        Loaded.Add(pathOrName);
        return Loaded.Count;
    }

    public string LocationOf(string name) => $"/loader/{name}";

    private IEnumerable<string[]> Below(string folder)
    {
        char separator = IsWindows ? '\\' : '/';
        string prefix = folder.TrimEnd(separator) + separator;
        return _files.Where(file => file.StartsWith(prefix, StringComparison.Ordinal))
            .Select(file => file[prefix.Length..].Split(separator));
    }
}
