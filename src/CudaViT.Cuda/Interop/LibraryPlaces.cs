using System.Text.RegularExpressions;

namespace CudaViT.Cuda;

/// <summary>One rule of the search for libraries.</summary>
/// <param name="Rule">The rule in words, for messages.</param>
/// <param name="Folders">Folders to look into, in order; empty where the rule does not apply to this machine.</param>
/// <param name="UsesLoader">Whether the system's loader is asked instead, by the library's bare name.</param>
internal sealed record LibraryPlace(string Rule, IReadOnlyList<string> Folders, bool UsesLoader = false);

/// <summary>
/// Where CUDA's libraries may stand, in the order in which they are looked for: what the user says, what the system's
/// loader knows, where the toolkit's installers, conda and Python's wheels put them.
/// </summary>
internal static partial class LibraryPlaces
{
    /// <summary>
    /// Names of a library's file and the CUDA each is for, newest first; 0 where it is for every one.
    /// </summary>
    public static (string Name, int Major)[] FileNames(CudaLibrary library, bool isWindows) =>
        (library, isWindows) switch
        {
            (CudaLibrary.Driver, false) => [("libcuda.so.1", 0)],
            (CudaLibrary.Driver, true) => [("nvcuda.dll", 0)],
            (CudaLibrary.Nvrtc, false) => [("libnvrtc.so.13", 13), ("libnvrtc.so.12", 12)],
            (CudaLibrary.Nvrtc, true) => [("nvrtc64_130_0.dll", 13), ("nvrtc64_120_0.dll", 12)],
            (CudaLibrary.CublasLt, false) => [("libcublasLt.so.13", 13), ("libcublasLt.so.12", 12)],
            (CudaLibrary.CublasLt, true) => [("cublasLt64_13.dll", 13), ("cublasLt64_12.dll", 12)],

            // From CUDA 12.9 on the older library is gone, and this one has its functions.
            (CudaLibrary.Nvtx, false) => [("libnvtx3interop.so.1", 0), ("libnvToolsExt.so.1", 0)],
            (CudaLibrary.Nvtx, true) => [("nvtx3interop.dll", 0), ("nvToolsExt64_1.dll", 0)],
            _ => throw new ArgumentOutOfRangeException(nameof(library), library, "Not a library."),
        };

    /// <summary>Where to look, in order.</summary>
    public static IEnumerable<LibraryPlace> For(CudaLibrary library, ILibraryHost host)
    {
        var paths = new HostPaths(host);
        return library != CudaLibrary.Driver ? ForToolkit(library, host, paths)
            : host.IsWindows ? [new LibraryPlace("the system's loader", [], UsesLoader: true)]
            :
            [
                new LibraryPlace("the system's loader", [], UsesLoader: true),
                new LibraryPlace("WSL", ["/usr/lib/wsl/lib"]),
                new LibraryPlace("container images", ["/usr/local/nvidia/lib64"]),
            ];
    }

    private static IEnumerable<LibraryPlace> ForToolkit(CudaLibrary library, ILibraryHost host, HostPaths paths)
    {
        yield return new LibraryPlace(
            CudaLibraries.SettingVariable, [.. paths.ListIn(CudaLibraries.SettingVariable).Select(paths.FolderOfFile)]);
        yield return new LibraryPlace("the program's folder", [host.ProgramFolder]);
        yield return new LibraryPlace("CUDA_PATH and CUDA_HOME", [.. ToolkitRoots(host).SelectMany(ToolkitFolders)]);
        yield return new LibraryPlace("the system's loader", [], UsesLoader: true);
        if (!host.IsWindows)
        {
            yield return new LibraryPlace(
                "/usr/local/cuda* and /opt/cuda",
                [.. InstalledToolkits(host).Select(root => paths.Join(root, "lib64"))]);
        }

        yield return new LibraryPlace(
            "conda", host.Variable("CONDA_PREFIX") is { Length: > 0 } conda ? [.. CondaFolders(conda)] : []);
        yield return new LibraryPlace(
            "Python wheels",
            [.. PythonPackages.Folders(host, paths).SelectMany(site => WheelFolders(library).Select(
                wheel => paths.Join([site, "nvidia", .. wheel])))]);

        IEnumerable<string> ToolkitFolders(string root) => host.IsWindows
            ? [paths.Join(root, "bin", "x64"), paths.Join(root, "bin")]
            : [paths.Join(root, "lib64"), paths.Join(root, "targets", "x86_64-linux", "lib"), paths.Join(root, "lib")];

        IEnumerable<string> CondaFolders(string root) => host.IsWindows
            ? [paths.Join(root, "Library", "bin"), paths.Join(root, "Library", "bin", "x64")]
            : [paths.Join(root, "lib"), paths.Join(root, "targets", "x86_64-linux", "lib")];

        // CUDA 13 has one folder for all wheels, CUDA 12 one for each.
        IEnumerable<string[]> WheelFolders(CudaLibrary wheel) => host.IsWindows
            ? [["cu13", "bin", "x86_64"], [WheelOf(wheel), "bin"]]
            : [["cu13", "lib"], [WheelOf(wheel), "lib"]];
    }

    /// <summary>Toolkits that variables name.</summary>
    public static IEnumerable<string> ToolkitRoots(ILibraryHost host)
    {
        string[] versioned = !host.IsWindows ? [] : [.. host.VariableNames
            .Where(name => name.StartsWith("CUDA_PATH_V", StringComparison.OrdinalIgnoreCase))
            .OrderByDescending(HostPaths.VersionIn)];
        string[] names = ["CUDA_PATH", "CUDA_HOME", .. versioned];
        return names.Select(host.Variable).OfType<string>().Where(root => root.Length > 0).Distinct();
    }

    /// <summary>Toolkits in the usual folders of Linux, newest first after the default one.</summary>
    public static IEnumerable<string> InstalledToolkits(ILibraryHost host)
    {
        string[] folders = [.. host.FoldersIn("/usr/local")];
        IEnumerable<string> versioned = folders.Where(name => VersionedToolkitPattern().IsMatch(name))
            .OrderByDescending(HostPaths.VersionIn);
        foreach (string name in folders.Where(name => name == "cuda").Concat(versioned))
        {
            yield return $"/usr/local/{name}";
        }

        if (host.FoldersIn("/opt").Contains("cuda"))
        {
            yield return "/opt/cuda";
        }
    }

    private static string WheelOf(CudaLibrary library) => library switch
    {
        CudaLibrary.Nvrtc => "cuda_nvrtc",
        CudaLibrary.CublasLt => "cublas",
        _ => "nvtx",
    };

    [GeneratedRegex("^cuda-1[23]([.]|$)")]
    private static partial Regex VersionedToolkitPattern();
}
