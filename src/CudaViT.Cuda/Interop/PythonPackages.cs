namespace CudaViT.Cuda;

/// <summary>Where Python's package manager puts the vendor's wheels.</summary>
internal static class PythonPackages
{
    /// <summary>
    /// Folders of packages that hold some of the vendor's, in order: of VIRTUAL_ENV, of CONDA_PREFIX, of the Python
    /// that is first on PATH, the user's, the system's. Of several Pythons in one place the newest comes first.
    /// </summary>
    public static IEnumerable<string> Folders(ILibraryHost host, HostPaths paths) =>
        (host.IsWindows ? OnWindows(host, paths) : OnLinux(host, paths))
            .Distinct()
            .Where(folder => host.FoldersIn(folder).Contains("nvidia"));

    private static IEnumerable<string> OnLinux(ILibraryHost host, HostPaths paths)
    {
        string?[] roots =
        [
            host.Variable("VIRTUAL_ENV"),
            host.Variable("CONDA_PREFIX"),
            paths.ListIn("PATH").FirstOrDefault(folder => host.FileExists(paths.Join(folder, "python3"))) is { } bin
                ? paths.Parent(bin)
                : null,
            host.Variable("HOME") is { Length: > 0 } home ? paths.Join(home, ".local") : null,
            "/usr/local",
            "/usr",
        ];
        foreach (string? root in roots)
        {
            if (string.IsNullOrEmpty(root))
            {
                continue;
            }

            string library = paths.Join(root, "lib");
            foreach (string python in Pythons(host, library, "python3"))
            {
                yield return paths.Join(library, python, "site-packages");
                yield return paths.Join(library, python, "dist-packages"); // Debian's name for its own
            }
        }
    }

    private static IEnumerable<string> OnWindows(ILibraryHost host, HostPaths paths)
    {
        string[] programs = ["python3.exe", "python.exe"];
        string? first = paths.ListIn("PATH").FirstOrDefault(
            folder => programs.Any(program => host.FileExists(paths.Join(folder, program))));
        if (first is not null && paths.Name(first).Equals("Scripts", StringComparison.OrdinalIgnoreCase))
        {
            first = paths.Parent(first); // where an environment keeps its programs
        }

        string?[] roots = [host.Variable("VIRTUAL_ENV"), host.Variable("CONDA_PREFIX"), first];
        foreach (string? root in roots.Where(root => !string.IsNullOrEmpty(root)))
        {
            yield return paths.Join(root!, "Lib", "site-packages");
        }

        if (host.Variable("APPDATA") is { Length: > 0 } user)
        {
            string folder = paths.Join(user, "Python");
            foreach (string python in Pythons(host, folder, "Python3"))
            {
                yield return paths.Join(folder, python, "site-packages");
            }
        }

        if (host.Variable("LOCALAPPDATA") is { Length: > 0 } local)
        {
            string folder = paths.Join(local, "Programs", "Python");
            foreach (string python in Pythons(host, folder, "Python3"))
            {
                yield return paths.Join(folder, python, "Lib", "site-packages");
            }
        }
    }

    private static IEnumerable<string> Pythons(ILibraryHost host, string folder, string prefix) =>
        host.FoldersIn(folder)
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .OrderByDescending(HostPaths.VersionIn);
}
