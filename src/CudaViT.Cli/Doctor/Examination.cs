using CudaViT.Cli.Output;
using CudaViT.Cuda;
using CudaViT.Emulator;
using CudaViT.Images;

namespace CudaViT.Cli.Doctor;

/// <summary>Looks at everything that the program can use. Nothing that is missing or broken makes it fail.</summary>
internal static class Examination
{
    public const string Gpu = "GPU";
    public const string Driver = "driver";
    public const string Nvrtc = "NVRTC";
    public const string CublasLt = "cuBLASLt";
    public const string Nvtx = "NVTX";
    public const string Compiler = "C++ compiler";
    public const string Disassembler = "disassembler";
    public const string Cache = "kernel cache";
    public const string TurboJpeg = "libturbojpeg";
    public const string Png = "libpng16";

    public static DoctorReport Run(Machine machine)
    {
        DoctorCheck device = FindDevice(machine);
        DoctorCheck nvrtc = FindNvrtc();
        DoctorCheck compiler = FindCompiler();
        bool usesGpu = device.Found && nvrtc.Found;
        string[] devices =
            ["cpu", .. compiler.Found ? ["emulator"] : Array.Empty<string>(),
             .. usesGpu ? ["cuda"] : Array.Empty<string>()];
        DoctorCheck[] checks =
        [
            device,
            FindLibrary(CudaLibrary.Driver, Driver, "using this machine's GPU"),
            nvrtc,
            FindLibrary(CudaLibrary.CublasLt, CublasLt, "fast matrix products on a GPU"),
            FindNvtx(),
            compiler,
            FindDisassembler(),
            TryCache(),
            FindDecoder(ImageLibraries.TurboJpeg),
            FindDecoder(ImageLibraries.Png),
        ];
        return new DoctorReport(
            devices,
            [
                new DeviceVerdict("cuda", usesGpu, (device.Problem ?? nvrtc.Problem ?? device.Version)!),
                new DeviceVerdict("cpu", true, RunText.Text($"{Environment.ProcessorCount} processors")),
                EmulatorVerdict("emulator", "the kernels on the CPU", compiler),
                EmulatorVerdict("emulator-strict", "the same, with every access checked", compiler),
            ],
            [.. checks.Select(check => check.Found ? check
                : check with { Command = check.Command ?? Remedies.For(check.Name, machine) })]);
    }

    private static DeviceVerdict EmulatorVerdict(string name, string text, DoctorCheck compiler) =>
        new(name, compiler.Found, compiler.Problem ?? text);

    private static DoctorCheck FindDevice(Machine machine)
    {
        const string Enables = "training at full speed: --device cuda";
        if (CudaLibraries.Probe(CudaLibrary.Driver) is { IsFound: false } absent)
        {
            return Missing(machine.HasNvidiaDevice == false ? "this machine has no NVIDIA device" : absent.Problem!);
        }

        try
        {
            using var driver = new CudaDriver();
            GpuProperties device = driver.Properties;
            string kind = $"{device.Name}, compute capability {device.ComputeCapability}";
            string size = RunText.Text($"{device.Multiprocessors} multiprocessors, {device.MemoryBytes >> 30} GiB");
            return new DoctorCheck(Gpu, true, $"{kind}, {size}", null, Enables, null, []);
        }
        catch (GpuException error)
        {
            return Missing(error.Message.ReplaceLineEndings(" ").TrimEnd('.')) with { Command = "nvidia-smi" };
        }

        static DoctorCheck Missing(string problem) => new(Gpu, false, null, null, Enables, problem, []);
    }

    private static DoctorCheck FindLibrary(CudaLibrary which, string name, string enables)
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

    private static DoctorCheck FindNvtx()
    {
        DoctorCheck library = FindLibrary(CudaLibrary.Nvtx, Nvtx, "names of operations in a profiler's timeline");
        string problem = $"{library.Path} lacks the functions nvtxRangePushA and nvtxRangePop";
        return library.Found && !CudaDriver.NamesRanges
            ? library with { Found = false, Problem = problem }
            : library;
    }

    private static DoctorCheck FindNvrtc()
    {
        DoctorCheck library = FindLibrary(
            CudaLibrary.Nvrtc, Nvrtc, "compiling kernels for GPUs: --device cuda, and cudavit kernels on any machine");
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

    private static DoctorCheck FindCompiler()
    {
        const string Enables = "running kernels without a GPU: --device emulator";
        (string Program, string Version)? compiler = EmulatorDriver.Compiler;
        string? problem = EmulatorDriver.Unavailable;
        return new DoctorCheck(
            Compiler, problem is null, compiler?.Version,
            compiler is null ? null : OnPath(compiler.Value.Program), Enables, problem?.TrimEnd('.'), []);
    }

    private static DoctorCheck FindDisassembler()
    {
        Cuda.Disassembler? found = Cuda.Disassembler.Find(out IReadOnlyList<string> tried);
        return new DoctorCheck(
            Disassembler, found is not null, found?.Version?.ToString(), found?.Path,
            "reading machine code: cudavit kernels --sass",
            found is null ? "nvdisasm was not found; it comes with a CUDA toolkit" : null,
            found is null ? tried : []);
    }

    private static DoctorCheck TryCache()
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
            return new DoctorCheck(Cache, true, content, root, Enables, null, []);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new DoctorCheck(
                Cache, false, null, root, Enables,
                $"{error.Message.TrimEnd('.')}; set {CacheFolder.Variable} to a folder that can be written", []);
        }
    }

    private static DoctorCheck FindDecoder(ImageLibrary library) => new(
        library.Name, library.File is not null, null, library.File,
        $"reading {library.Purpose} faster than managed code does: --data",
        library.File is null ? $"it is not installed; {library.Install}, or set {library.Variable} to its file" : null,
        library.File is null ? library.Candidates : []);

    private static string OnPath(string program) => Path.IsPathRooted(program)
        ? program
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
            .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists) ?? program;
}
