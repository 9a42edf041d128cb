using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>
/// Libraries that stand in for the CUDA driver, NVRTC, cuBLASLt and NVTX, compiled from the sources beside this file,
/// and processes that find them in place of the real ones.
/// </summary>
internal sealed class StandIns
{
    private const string LoadedVariable = "CUDAVIT_STAND_IN";
    private const string Nvrtc = "nvrtc"; // a folder below the others'
    private const string WholeNvtx = "nvtx";

    private static readonly Lazy<StandIns> Built = new(() => new StandIns());

    private readonly string _folder = Directory.CreateTempSubdirectory("cudavit-stand-in-").FullName;
    private readonly string? _missing;

    private StandIns()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(_folder, recursive: true);
        Directory.CreateDirectory(Path.Combine(_folder, Nvrtc));
        Directory.CreateDirectory(Path.Combine(_folder, WholeNvtx));
        _missing = !OperatingSystem.IsLinux() ? "the libraries that stand in for CUDA's are Linux libraries"
            : Compile("cuda.cpp", "libcuda.so.1")
                ?? Compile("nvrtc.cpp", $"{Nvrtc}/libnvrtc.so.13")
                ?? Compile("cublaslt.cpp", "libcublasLt.so.13", "libcuda.so.1", $"{Nvrtc}/libnvrtc.so.13")
                ?? Compile("nvtx.cpp", "libnvtx3interop.so.1")
                ?? Compile("nvtx.cpp", $"{WholeNvtx}/libnvtx3interop.so.1", "-DWHOLE");
    }

    /// <summary>Folders where the program looks for libraries, in order.</summary>
    public string Folders => $"{_folder}:{Path.Combine(_folder, Nvrtc)}";

    /// <summary>As <see cref="Folders"/>, but NVTX has its functions.</summary>
    public string FoldersWithNvtx => $"{Path.Combine(_folder, WholeNvtx)}:{Folders}";

    /// <summary>Whether this process was started by <see cref="Run"/>.</summary>
    public static bool AreLoaded => Environment.GetEnvironmentVariable(LoadedVariable) == "1";

    /// <summary>The libraries, compiled when first needed; the test is skipped where they cannot be.</summary>
    public static StandIns Get()
    {
        Skip.If(Built.Value._missing is not null, Built.Value._missing);
        return Built.Value;
    }

    /// <summary>Runs a test in a process of its own that finds these libraries.</summary>
    /// <param name="test">Name of the test, with arguments; the test looks at <see cref="AreLoaded"/>.</param>
    /// <param name="settings">Further environment variables.</param>
    /// <returns>Exit status, and all that was printed.</returns>
    public (int Status, string Output) Run(string test, params (string Name, string Value)[] settings)
    {
        string? self = Environment.ProcessPath;
        string host = Path.GetFileNameWithoutExtension(self) == "dotnet" ? self! : "dotnet";
        var start = new ProcessStartInfo(host, [typeof(StandIns).Assembly.Location, "-name", test]);
        string? others = Environment.GetEnvironmentVariable("LD_LIBRARY_PATH");
        start.Environment["LD_LIBRARY_PATH"] = string.IsNullOrEmpty(others) ? _folder : $"{_folder}:{others}";
        start.Environment["CUDAVIT_CUDA_LIB"] = Folders;
        start.Environment[LoadedVariable] = "1";
        foreach ((string name, string value) in settings)
        {
            start.Environment[name] = value;
        }

        return Start(start) ?? throw new InvalidOperationException("dotnet could not be started.");
    }

    /// <summary>A function that a library has for tests alone.</summary>
    public static nint Export(CudaLibrary library, string name) =>
        NativeLibrary.GetExport(CudaLibraries.Load(library), name);

    /// <returns>Why there is no library; null if there is one.</returns>
    private string? Compile(string source, string library, params string[] others)
    {
        string input = Path.Combine(_folder, source);
        using (Stream text = typeof(StandIns).Assembly.GetManifestResourceStream($"stand-in/{source}")!)
        using (FileStream file = File.Create(input))
        {
            text.CopyTo(file);
        }

        string compiler = Environment.GetEnvironmentVariable("CXX") is { Length: > 0 } chosen ? chosen : "g++";
        string[] arguments =
        [
            "-std=c++17", "-O1", "-fPIC", "-shared", $"-Wl,-soname,{Path.GetFileName(library)}",
            "-o", Path.Combine(_folder, library), input,
            .. others.Select(other => other[0] == '-' ? other : Path.Combine(_folder, other)),
        ];
        (int Status, string Output)? result = Start(new ProcessStartInfo(compiler, arguments));
        Assert.True(result is null or { Status: 0 }, result?.Output);
        return result is null ? $"no C++ compiler ({compiler}) to build the libraries that stand in for CUDA's" : null;
    }

    private static (int Status, string Output)? Start(ProcessStartInfo start)
    {
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        try
        {
            using Process process = Process.Start(start)!;
            Task<string> errors = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd() + errors.Result;
            process.WaitForExit();
            return (process.ExitCode, output);
        }
        catch (Win32Exception)
        {
            return null;
        }
    }
}
