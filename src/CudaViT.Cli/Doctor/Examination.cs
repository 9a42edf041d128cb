using CudaViT.Cli.Output;
using CudaViT.Cuda;
using CudaViT.Emulator;
using CudaViT.Images;

namespace CudaViT.Cli.Doctor;

/// <summary>Looks at everything that the program can use. Nothing that is missing or broken makes it fail.</summary>
internal static class Examination
{
    public static DoctorReport Run()
    {
        DoctorCheck device = Device();
        DoctorCheck nvrtc = Nvrtc();
        DoctorCheck emulator = HostCompiler();
        string[] devices = ["cpu", .. emulator.Found ? ["emulator"] : Array.Empty<string>(),
            .. device.Found && nvrtc.Found ? ["cuda"] : Array.Empty<string>()];
        return new DoctorReport(
            devices,
            [
                device,
                Library(CudaLibrary.Driver, "driver", "using this machine's GPU"),
                nvrtc,
                Library(CudaLibrary.CublasLt, "cuBLASLt", "fast matrix products on a GPU"),
                Library(CudaLibrary.Nvtx, "NVTX", "names of operations in a profiler's timeline"),
                emulator,
                Disassembler(),
                Cache(),
                Decoder(ImageLibraries.TurboJpeg),
                Decoder(ImageLibraries.Png),
            ]);
    }

    private static DoctorCheck Device()
    {
        const string Enables = "training at full speed: --device cuda";
        if (!CudaLibraries.Probe(CudaLibrary.Driver).IsFound)
        {
            return Missing("there is no driver, which a GPU needs; see the next line");
        }

        try
        {
            using var driver = new CudaDriver();
            GpuProperties device = driver.Properties;
            string kind = $"{device.Name}, compute capability {device.ComputeCapability}";
            string size = RunText.Text($"{device.Multiprocessors} multiprocessors, {device.MemoryBytes >> 30} GiB");
            return new DoctorCheck("GPU", true, $"{kind}, {size}", null, Enables, null, []);
        }
        catch (GpuException error)
        {
            return Missing(error.Message.ReplaceLineEndings(" ").TrimEnd('.'));
        }

        static DoctorCheck Missing(string problem) => new("GPU", false, null, null, Enables, problem, []);
    }

    private static DoctorCheck Library(CudaLibrary which, string name, string enables)
    {
        FoundLibrary found = CudaLibraries.Probe(which);
        return new DoctorCheck(
            name,
            found.IsFound,
            found.Version?.ToString(),
            found.Path,
            enables,
            found.Problem,
            found.IsFound ? [] : found.Tried);
    }

    private static DoctorCheck Nvrtc()
    {
        DoctorCheck library = Library(
            CudaLibrary.Nvrtc, "NVRTC", "compiling kernels for GPUs: --device cuda, and cudavit kernels on any machine");
        if (!library.Found)
        {
            return library;
        }

        try
        {
            var compiler = new KernelCompiler(cache: null);
            return library with { Version = $"{library.Version}, up to {compiler.NewestArchitecture}" };
        }
        catch (GpuException error)
        {
            return library with { Found = false, Problem = error.Message };
        }
    }

    private static DoctorCheck HostCompiler()
    {
        const string Enables = "running kernels without a GPU: --device emulator";
        (string Program, string Version)? compiler = EmulatorDriver.Compiler;
        string? problem = EmulatorDriver.Unavailable;
        return new DoctorCheck(
            "C++ compiler", problem is null, compiler?.Version, compiler is null ? null : OnPath(compiler.Value.Program),
            Enables, problem?.TrimEnd('.'), []);
    }

    private static DoctorCheck Disassembler()
    {
        Cuda.Disassembler? found = Cuda.Disassembler.Find(out IReadOnlyList<string> tried);
        return new DoctorCheck(
            "disassembler", found is not null, found?.Version?.ToString(), found?.Path,
            "reading machine code: cudavit kernels --sass",
            found is null ? "nvdisasm was not found; it comes with a CUDA toolkit" : null,
            found is null ? tried : []);
    }

    private static DoctorCheck Cache()
    {
        const string Enables = "starting without compiling the kernels again";
        string root = CacheFolder.Root;
        try
        {
            FileInfo[] files = Directory.Exists(root)
                ? new DirectoryInfo(root).GetFiles("*", SearchOption.AllDirectories)
                : [];
            string content = files.Length == 0
                ? "empty"
                : RunText.Text($"{files.Length} files, {files.Sum(file => file.Length) / 1048576.0:f1} MiB");

            // What only root may write looks writable until it is tried.
            Directory.CreateDirectory(root);
            string attempt = Path.Combine(root, $"doctor-{Guid.NewGuid():n}.tmp");
            File.WriteAllBytes(attempt, []);
            File.Delete(attempt);
            return new DoctorCheck("kernel cache", true, content, root, Enables, null, []);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new DoctorCheck(
                "kernel cache", false, null, root, Enables,
                $"{error.Message.TrimEnd('.')}; set {CacheFolder.Variable} to a folder that can be written", []);
        }
    }

    private static DoctorCheck Decoder(ImageLibrary library) => new(
        library.Name, library.File is not null, null, library.File, $"reading {library.Purpose}: --data",
        library.File is null ? $"it is not installed; {library.Install}, or set {library.Variable} to its file" : null,
        library.File is null ? library.Candidates : []);

    private static string OnPath(string program) => Path.IsPathRooted(program)
        ? program
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) ?? program;
}
