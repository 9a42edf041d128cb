using System.Reflection;
using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>
/// Finds and loads the vendor's libraries, each once, and tells LibraryImport where they are. The order of the search
/// is that of <see cref="LibraryPlaces"/>.
/// </summary>
public static class CudaLibraries
{
    /// <summary>The environment variable that names folders to look into first.</summary>
    public const string SettingVariable = "CUDAVIT_CUDA_LIB";

    /// <summary>Library name of LibraryImport declarations of the driver.</summary>
    internal const string Driver = "cudavit-driver";

    /// <summary>Library name of LibraryImport declarations of NVRTC.</summary>
    internal const string Nvrtc = "cudavit-nvrtc";

    /// <summary>Library name of LibraryImport declarations of cuBLASLt.</summary>
    internal const string CublasLt = "cudavit-cublaslt";

    private static readonly Lazy<(FoundLibrary Found, nint Handle)>[] Libraries =
        [.. Enum.GetValues<CudaLibrary>().Select(which => new Lazy<(FoundLibrary, nint)>(() => Find(which)))];

    // A declaration's first call comes here only if this class was touched before it: call Load first.
    static CudaLibraries() => NativeLibrary.SetDllImportResolver(typeof(CudaLibraries).Assembly, Resolve);

    /// <summary>
    /// Loads a library, or returns it if it is loaded. Call this before the first call of one of its functions: the
    /// declarations themselves do not search.
    /// </summary>
    /// <returns>The library's handle, for <see cref="NativeLibrary.GetExport"/>.</returns>
    /// <exception cref="GpuException">There is none; the message says how it was looked for and what to do.</exception>
    public static nint Load(CudaLibrary which)
    {
        (FoundLibrary found, nint handle) = Libraries[(int)which].Value;
        return found.IsFound
            ? handle
            : throw new GpuException(
                $"{found.Problem}. Looked for by "
                + $"{string.Join(", ", found.Tried.Select(LibrarySearch.RuleOf).Distinct())}; "
                + "cudavit doctor says more.");
    }

    /// <summary>What <see cref="Load"/> finds: file, version and what was tried. Never throws.</summary>
    public static FoundLibrary Probe(CudaLibrary which) => Libraries[(int)which].Value.Found;

    /// <summary>A function of a library that a machine may lack, or have without the function; 0 then.</summary>
    internal static nint TryGetExport(CudaLibrary which, string name)
    {
        (FoundLibrary found, nint handle) = Libraries[(int)which].Value;
        return found.IsFound && NativeLibrary.TryGetExport(handle, name, out nint export) ? export : 0;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath) => name switch
    {
        Driver => Load(CudaLibrary.Driver),
        Nvrtc => Load(CudaLibrary.Nvrtc),
        CublasLt => Load(CudaLibrary.CublasLt),
        _ => 0, // the runtime's own search
    };

    private static (FoundLibrary Found, nint Handle) Find(CudaLibrary which)
    {
        Version? driver = which == CudaLibrary.Driver ? null : Probe(CudaLibrary.Driver).Version;
        if (which == CudaLibrary.CublasLt)
        {
            // Versions of cuBLASLt need NVRTC themselves and ask the loader for it by its bare name, which finds what
            // is loaded already and nothing in a folder that only this program knows.
            _ = Probe(CudaLibrary.Nvrtc);
        }

        (FoundLibrary found, nint handle) = LibrarySearch.Find(which, driver, new LibraryHost());
        return (found with { Version = handle == 0 ? null : VersionOf(which, handle) }, handle);
    }

    private static unsafe Version? VersionOf(CudaLibrary which, nint library)
    {
        int major = 0, minor = 0;
        switch (which)
        {
            case CudaLibrary.Driver when NativeLibrary.TryGetExport(library, "cuDriverGetVersion", out nint call):
                return ((delegate* unmanaged<int*, int>)call)(&major) == 0 // 12040: 12.4
                    ? new Version(major / 1000, major % 1000 / 10)
                    : null;
            case CudaLibrary.Nvrtc when NativeLibrary.TryGetExport(library, "nvrtcVersion", out nint call):
                return ((delegate* unmanaged<int*, int*, int>)call)(&major, &minor) == 0
                    ? new Version(major, minor) : null;
            case CudaLibrary.CublasLt when NativeLibrary.TryGetExport(library, "cublasLtGetVersion", out nint call):
                int version = (int)((delegate* unmanaged<nuint>)call)(); // 120402: 12.4.2
                return new Version(version / 10000, version / 100 % 100, version % 100);
            default:
                return null;
        }
    }
}

/// <summary>The vendor's libraries that the program calls. None comes with it; all are found at run time.</summary>
public enum CudaLibrary
{
    /// <summary>The driver: memory, streams, launches. Comes with the graphics driver.</summary>
    Driver,

    /// <summary>The run-time compiler of kernels. Comes with the CUDA toolkit.</summary>
    Nvrtc,

    /// <summary>Matrix products. Comes with the CUDA toolkit.</summary>
    CublasLt,

    /// <summary>Names for ranges in a profiler's timeline. Optional.</summary>
    Nvtx,
}

/// <summary>What a search for a library came to.</summary>
public sealed record FoundLibrary
{
    /// <summary>What was looked for.</summary>
    public required CudaLibrary Library { get; init; }

    /// <summary>The file that was loaded; null where none could be.</summary>
    public string? Path { get; init; }

    /// <summary>The version that the library itself states; null where it states none or there is no library.</summary>
    public Version? Version { get; init; }

    /// <summary>Where it was looked for, in order, each with what was there: one line per place.</summary>
    public required IReadOnlyList<string> Tried { get; init; }

    /// <summary>Why there is no library, and what to do about it, in one line; null where there is one.</summary>
    public string? Problem { get; init; }

    /// <summary>Whether the library is loaded.</summary>
    public bool IsFound => Problem is null;
}
