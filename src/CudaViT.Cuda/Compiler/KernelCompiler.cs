using System.Text;

namespace CudaViT.Cuda;

/// <summary>
/// Compiles kernels with NVRTC, for a machine with a GPU or without, and keeps the results on disk. Any number of
/// threads may compile at the same time.
/// </summary>
/// <remarks>
/// The result is machine code for one architecture rather than PTX, because an older driver may refuse the PTX of a
/// newer toolkit; PTX is for devices that are newer than the compiler.
/// </remarks>
public sealed class KernelCompiler
{
    private const string VirtualPrefix = "compute_";

    private readonly KernelCache? _cache;
    private readonly int[] _architectures;

    /// <summary>Loads NVRTC.</summary>
    /// <param name="cache">Where to keep results; null to keep none.</param>
    /// <exception cref="GpuException">NVRTC was not found; the message says what to do.</exception>
    public KernelCompiler(KernelCache? cache)
    {
        CudaLibraries.Load(CudaLibrary.Nvrtc);
        Nvrtc.Check(Nvrtc.Version(out int major, out int minor));
        Nvrtc.Check(Nvrtc.GetSupportedArchitectureCount(out int count));
        int[] architectures = new int[count];
        Nvrtc.Check(Nvrtc.GetSupportedArchitectures(architectures));
        Array.Sort(architectures);
        (_cache, _architectures, Version) = (cache, architectures, new Version(major, minor));
    }

    /// <summary>Version of NVRTC.</summary>
    public Version Version { get; }

    /// <summary>The newest architecture that NVRTC knows, as a target, for example sm_90a.</summary>
    public string NewestArchitecture => TargetFor(new Version(_architectures[^1] / 10, _architectures[^1] % 10));

    /// <summary>What to compile for, so that a device can run it.</summary>
    /// <param name="computeCapability">The device's.</param>
    /// <returns>
    /// The device's own architecture (sm_90a for 9.0, whose special instructions need the suffix); else the nearest one
    /// below of the same generation, whose code the device runs as well; else the newest PTX.
    /// </returns>
    /// <exception cref="GpuException">The device is older than all that NVRTC knows.</exception>
    public string TargetFor(Version computeCapability)
    {
        ArgumentNullException.ThrowIfNull(computeCapability);
        return TargetFor(computeCapability, _architectures) ?? throw new GpuException(
            $"NVRTC {Version} does not compile for compute capability {computeCapability}, only for {Known()}; "
            + $"install NVRTC of an older CUDA and set {CudaLibraries.SettingVariable} to its folder.");
    }

    /// <summary>Compiles a file for one architecture, or takes it from the cache.</summary>
    /// <param name="module">File and build.</param>
    /// <param name="architecture">For example sm_90a for a cubin, compute_90 for PTX.</param>
    /// <returns>Code that cuModuleLoadData takes.</returns>
    /// <exception cref="KernelCompilationException">The source has errors.</exception>
    /// <exception cref="GpuException">NVRTC does not know the architecture, or fails.</exception>
    public byte[] Compile(KernelModule module, string architecture) => Build(module, architecture).Image.ToArray();

    /// <summary>As <see cref="Compile"/>, with what the compiler said about it.</summary>
    /// <inheritdoc cref="Compile"/>
    public CompiledKernels Build(KernelModule module, string architecture)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(architecture);
        RequireKnown(architecture);
        string[] options = OptionsFor(module.Build, architecture);
        string key = KernelCache.Key(module, options, Version);
        if (_cache?.TryRead(key) is { } kept)
        {
            return new CompiledKernels(module, architecture, kept.Image, kept.Log, isFromCache: true);
        }

        (byte[] image, string log) = Run(module, architecture, options);
        _cache?.Write(key, image, log);
        return new CompiledKernels(module, architecture, image, log, isFromCache: false);
    }

    internal static string? TargetFor(Version capability, ReadOnlySpan<int> architectures)
    {
        int wanted = (capability.Major * 10) + capability.Minor;
        int same = 0, below = 0;
        foreach (int known in architectures)
        {
            same = known <= wanted && known / 10 == capability.Major ? Math.Max(same, known) : same;
            below = known < wanted ? Math.Max(below, known) : below;
        }

        return same > 0 ? $"sm_{same}{(same == 90 ? "a" : "")}" : below > 0 ? $"{VirtualPrefix}{below}" : null;
    }

    // C++17 and line numbers as in the source, so that profilers and the sanitizer can point into it.
    private static string[] OptionsFor(KernelBuild build, string architecture)
    {
        string[] common = [$"-arch={architecture}", "-std=c++17", "-lineinfo"];
        string[] assembler = IsVirtual(architecture) ? [] : ["--ptxas-options=-v"];
        string[] macro = build.Macro() is { } name ? [$"-D{name}"] : [];
        return [.. common, .. assembler, .. macro];
    }

    private static bool IsVirtual(string architecture) =>
        architecture.StartsWith(VirtualPrefix, StringComparison.Ordinal);

    private static (byte[] Image, string Log) Run(KernelModule module, string architecture, string[] options)
    {
        KernelFile file = module.File;
        Nvrtc.Check(Nvrtc.CreateProgram(
            out NvrtcProgram program, Placed(file.Folder, file.Name, file.Text), file.Name, file.Includes.Count,
            [.. file.Includes.Select(include => Placed(file.FolderOf(include.Key), include.Key, include.Value))],
            [.. file.Includes.Keys]));
        using (program)
        {
            NvrtcStatus status = Nvrtc.CompileProgram(program, options.Length, options);
            string log = LogOf(program);
            return status switch
            {
                NvrtcStatus.Success => (IsVirtual(architecture) ? PtxOf(program) : CubinOf(program), log),
                NvrtcStatus.Compilation => throw new KernelCompilationException(module, options, log),
                _ => throw new GpuException(
                    $"nvrtcCompileProgram failed for {module}: {status} ({(int)status}). "
                    + $"Options: {string.Join(' ', options)}. {log.Trim()}"),
            };
        }
    }

    // Errors and the code's line numbers name the file by its full path, whatever folder the program runs in: without
    // this, NVRTC would write that folder into code that the cache then gives to everyone.
    private static string Placed(string folder, string name, string text) =>
        $"#line 1 \"{folder.Replace('\\', '/').TrimEnd('/')}/{name}\"\n{text}";

    private static string LogOf(NvrtcProgram program)
    {
        Nvrtc.Check(Nvrtc.GetProgramLogSize(program, out nuint size));
        byte[] log = new byte[(int)size];
        Nvrtc.Check(Nvrtc.GetProgramLog(program, log));
        return Encoding.UTF8.GetString(log).TrimEnd('\0');
    }

    private static byte[] CubinOf(NvrtcProgram program)
    {
        Nvrtc.Check(Nvrtc.GetCubinSize(program, out nuint size));
        byte[] cubin = new byte[(int)size];
        Nvrtc.Check(Nvrtc.GetCubin(program, cubin));
        return cubin;
    }

    private static byte[] PtxOf(NvrtcProgram program)
    {
        Nvrtc.Check(Nvrtc.GetPtxSize(program, out nuint size));
        byte[] ptx = new byte[(int)size];
        Nvrtc.Check(Nvrtc.GetPtx(program, ptx));
        return ptx;
    }

    private void RequireKnown(string architecture)
    {
        string digits = new([.. architecture.SkipWhile(c => !char.IsAsciiDigit(c)).TakeWhile(char.IsAsciiDigit)]);
        if (!architecture.Contains('_', StringComparison.Ordinal)
            || !int.TryParse(digits, out int number) || !_architectures.Contains(number))
        {
            throw new GpuException(
                $"NVRTC {Version} does not know the architecture {architecture}; expected one of {Known()}.");
        }
    }

    private string Known() =>
        string.Join(", ", _architectures.Select(number => number == 90 ? "sm_90, sm_90a" : $"sm_{number}"));
}
