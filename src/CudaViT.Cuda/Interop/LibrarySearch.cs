namespace CudaViT.Cuda;

/// <summary>Goes through <see cref="LibraryPlaces"/> and loads the first library that can be loaded.</summary>
internal static class LibrarySearch
{
    /// <summary>Finds and loads a library. Never throws because of the machine's state.</summary>
    /// <param name="library">What to look for.</param>
    /// <param name="driver">
    /// The newest CUDA that the driver supports: libraries of a later major version are passed over, for the driver
    /// would refuse what they make. Null without a driver, which excludes nothing.
    /// </param>
    /// <param name="host">The machine.</param>
    /// <returns>What was found, with its handle; 0 where nothing was.</returns>
    public static (FoundLibrary Found, nint Handle) Find(CudaLibrary library, Version? driver, ILibraryHost host)
    {
        var paths = new HostPaths(host);
        (string Name, int Major)[] names = LibraryPlaces.FileNames(library, host.IsWindows);
        var tried = new List<string>();
        var seen = new HashSet<string>();
        string? tooNew = null;
        foreach (LibraryPlace place in LibraryPlaces.For(library, host))
        {
            if (place.UsesLoader)
            {
                foreach ((string name, int _) in names.Where(name => Suits(name.Major)))
                {
                    if (host.Load(name, out string problem) is not 0 and nint handle)
                    {
                        return (Found(host.LocationOf(name)), handle);
                    }

                    tried.Add($"{place.Rule}: {problem}");
                }

                continue;
            }

            string[] folders = [.. place.Folders.Where(seen.Add)];
            if (place.Folders.Count == 0)
            {
                tried.Add($"{place.Rule}: not set or not there");
            }

            foreach (string folder in folders)
            {
                if (TryFolder(place.Rule, folder) is { } found)
                {
                    return found;
                }
            }
        }

        string reason = Problem(library, names, tooNew, driver);
        return (new FoundLibrary { Library = library, Tried = tried, Problem = reason }, 0);

        bool Suits(int major) => driver is null || major <= driver.Major;

        FoundLibrary Found(string path) => new() { Library = library, Path = path, Tried = tried };

        (FoundLibrary, nint)? TryFolder(string rule, string folder)
        {
            string[] present =
                [.. names.Select(name => name.Name).Where(name => host.FileExists(paths.Join(folder, name)))];
            if (present.Length == 0)
            {
                tried.Add($"{rule}: {folder}: no {string.Join(" or ", names.Select(name => name.Name))}");
            }

            foreach ((string name, int major) in names.Where(name => present.Contains(name.Name)))
            {
                string path = paths.Join(folder, name);
                if (!Suits(major))
                {
                    tried.Add($"{rule}: {path}: for CUDA {major}, newer than the driver (CUDA {driver})");
                    tooNew ??= path;
                    continue;
                }

                if (library == CudaLibrary.Nvrtc)
                {
                    LoadBuiltins(folder, major, host, paths);
                }

                if (host.Load(path, out string problem) is not 0 and nint handle)
                {
                    return (Found(path), handle);
                }

                tried.Add($"{rule}: {path}: {problem}");
            }

            return null;
        }
    }

    /// <summary>The rule that a line of <see cref="FoundLibrary.Tried"/> is about.</summary>
    public static string RuleOf(string tried) => tried[..tried.IndexOf(':', StringComparison.Ordinal)];

    // NVRTC opens its builtins by bare name, at the first compilation: found only if they are loaded already, or in one
    // of the loader's own folders. Both majors may share a folder, so only those of NVRTC's own are loaded.
    private static void LoadBuiltins(string folder, int major, ILibraryHost host, HostPaths paths)
    {
        string prefix = host.IsWindows ? $"nvrtc-builtins64_{major}" : $"libnvrtc-builtins.so.{major}.";
        foreach (string name in host.FilesIn(folder))
        {
            if (name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            {
                host.Load(paths.Join(folder, name), out _);
            }
        }
    }

    private static string Problem(
        CudaLibrary library, (string Name, int Major)[] names, string? tooNew, Version? driver)
    {
        string file = string.Join(" or ", names.Select(name => name.Name));
        return library switch
        {
            CudaLibrary.Driver =>
                $"the CUDA driver ({file}) was not found; install the vendor's driver for this machine's GPU",
            CudaLibrary.Nvtx =>
                $"NVTX ({file}) was not found; install a CUDA toolkit to see named ranges in a profiler",
            _ when tooNew is not null =>
                $"{tooNew} is for a newer CUDA than the driver supports ({driver}); "
                + $"update the driver, or install {Name(library)} of CUDA {driver!.Major}",
            _ => $"{Name(library)} ({file}) was not found; install a CUDA toolkit of version 12 or 13, "
                + $"or set {CudaLibraries.SettingVariable} to the folder of the file",
        };
    }

    private static string Name(CudaLibrary library) => library == CudaLibrary.Nvrtc ? "NVRTC" : "cuBLASLt";
}
