using System.Collections;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>This machine.</summary>
internal sealed class LibraryHost : ILibraryHost
{
    public bool IsWindows => OperatingSystem.IsWindows();

    public string ProgramFolder => AppContext.BaseDirectory;

    public IEnumerable<string> VariableNames =>
        Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().Select(variable => (string)variable.Key);

    public string? Variable(string name) => Environment.GetEnvironmentVariable(name);

    public bool FileExists(string path) => File.Exists(path);

    public IEnumerable<string> FoldersIn(string folder) => Names(folder, Directory.EnumerateDirectories);

    public IEnumerable<string> FilesIn(string folder) => Names(folder, Directory.EnumerateFiles);

    public nint Load(string pathOrName, out string problem)
    {
        problem = "";
        try
        {
            return NativeLibrary.Load(pathOrName);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            // General advice comes first, the loader's own words last.
            const StringSplitOptions Words = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
            problem = error.Message.Split('\n', Words)[^1];
            return 0;
        }
    }

    public string LocationOf(string name)
    {
        using var self = Process.GetCurrentProcess();
        return self.Modules.Cast<ProcessModule>().Select(module => module.FileName)
            .FirstOrDefault(path => Path.GetFileName(path).StartsWith(name, StringComparison.OrdinalIgnoreCase))
            ?? name;
    }

    // A folder that may not be read counts as empty: the search goes on elsewhere.
    private static string[] Names(string folder, Func<string, IEnumerable<string>> entries)
    {
        try
        {
            return Directory.Exists(folder) ? [.. entries(folder).Select(path => Path.GetFileName(path))] : [];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
