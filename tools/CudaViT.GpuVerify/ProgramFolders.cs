namespace CudaViT.GpuVerify;

/// <summary>
/// Finds the published programs, and the recorded results that tests compare with, wherever they lie.
/// </summary>
/// <remarks>
/// Programs may share one folder, as <c>tools/gpu-verify</c> publishes them, or have a folder of their own name each.
/// </remarks>
internal sealed class ProgramFolders
{
    /// <summary>Where <c>tools/gpu-verify</c> publishes to, below the repository.</summary>
    private static readonly string Published = Path.Combine("artifacts", "gpu-verify");

    private readonly string _current;

    private ProgramFolders(IEnumerable<string> folders, string current) =>
        (Folders, _current) = ([.. folders.Select(Path.GetFullPath).Distinct()], current);

    /// <summary>Folders that are looked into, in order.</summary>
    public IReadOnlyList<string> Folders { get; }

    /// <summary>The folders for a run.</summary>
    /// <param name="named">What the command line names, which is then the only one; or null.</param>
    /// <param name="own">Folder of this program.</param>
    /// <param name="current">The folder it is run in.</param>
    public static ProgramFolders For(string? named, string own, string current)
    {
        string above = Path.Combine(own, "..");
        return new ProgramFolders(
            named is not null
                ? [Path.Combine(current, named)]
                : [own, above, Path.Combine(above, Published), current, Path.Combine(current, Published)],
            current);
    }

    /// <summary>Path of a program.</summary>
    /// <param name="program">Its assembly's name.</param>
    /// <returns>Null where there is none.</returns>
    public string? Find(string program) => Folders
        .SelectMany(folder => (string[])
            [Path.Combine(folder, program + ".dll"), Path.Combine(folder, program, program + ".dll")])
        .FirstOrDefault(path => File.Exists(Path.ChangeExtension(path, ".runtimeconfig.json")) && File.Exists(path));

    /// <summary>Why programs cannot run, in one line; null if all are there.</summary>
    public string? Problem(IEnumerable<string> programs)
    {
        string[] missing = [.. programs.Where(program => Find(program) is null)];
        return missing.Length == 0
            ? null
            : $"{string.Join(", ", missing)} not found in {string.Join(", ", Folders)}; "
                + "publish with tools/gpu-verify --publish-only where there is a .NET SDK, carry artifacts/gpu-verify "
                + "here, and name it with --programs";
    }

    /// <summary>
    /// The recorded results: <c>tests/fixtures</c> in, or above, a folder of programs or the current one.
    /// </summary>
    /// <returns>Null where there are none.</returns>
    public string? Fixtures() => Folders.Prepend(_current)
        .SelectMany(Above).Select(folder => Path.Combine(folder, "tests", "fixtures")).FirstOrDefault(Directory.Exists);

    /// <summary>What a file beside the programs says, for example of which commit they are; null without one.</summary>
    public string? Read(string file) => Folders.Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists)
        is { } path ? File.ReadAllText(path).Trim() : null;

    private static IEnumerable<string> Above(string folder)
    {
        for (DirectoryInfo? at = new(folder); at is not null; at = at.Parent)
        {
            yield return at.FullName;
        }
    }
}
