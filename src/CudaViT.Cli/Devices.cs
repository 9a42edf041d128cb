using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Cuda;
using CudaViT.Emulator;

namespace CudaViT.Cli;

/// <summary>The one place that knows which devices there are.</summary>
internal static class Devices
{
    public const string Auto = "auto";

    private const string Cpu = "cpu";
    private const string Cuda = "cuda";
    private const string Emulator = "emulator";
    private const string StrictEmulator = "emulator-strict";

    /// <summary>Names that options take.</summary>
    public static string[] Names { get; } = [Auto, Cuda, Cpu, Emulator, StrictEmulator];

    /// <summary>Opens a device.</summary>
    /// <param name="name">
    /// One of <see cref="Names"/>; null for auto: a GPU if there is one that works, else the CPU.
    /// </param>
    /// <param name="threads">Compute threads of the CPU; null for one per processor.</param>
    /// <param name="kernelsDirectory">Folder with kernels to run instead of the built-in ones; null for those.</param>
    /// <exception cref="UsageException">The device has no kernels, but a folder of them is named.</exception>
    /// <exception cref="GpuException">The device is not to be had here; the message says why.</exception>
    public static IBackend Open(string? name, int? threads, string? kernelsDirectory)
    {
        string device = name ?? Auto;
        Lazy<KernelCatalog> kernels = new(() => Kernels(kernelsDirectory));
        IGpuDriver? driver = device switch
        {
            Cpu => null,
            Auto => TryOpenGpu(kernels),
            Cuda => new CudaDriver(new CudaOptions { Kernels = kernels.Value }),
            _ => new EmulatorDriver(new EmulatorOptions { Checked = device == StrictEmulator }, kernels.Value),
        };
        if (driver is not null)
        {
            return new CudaBackend(driver, kernels.Value);
        }

        return kernelsDirectory is null
            ? new CpuBackend(threads)
            : throw new UsageException(
                $"--kernels-dir is '{kernelsDirectory}', but the cpu device runs no kernels; "
                + $"expected --device {Cuda}, {Emulator} or {StrictEmulator} with it");
    }

    // A GPU that cannot be used is worth a line: training on the CPU instead takes far longer.
    private static CudaDriver? TryOpenGpu(Lazy<KernelCatalog> kernels)
    {
        if (!CudaLibraries.Probe(CudaLibrary.Driver).IsFound)
        {
            return null;
        }

        try
        {
            CudaLibraries.Load(CudaLibrary.Nvrtc);
            return new CudaDriver(new CudaOptions { Kernels = kernels.Value });
        }
        catch (GpuException error)
        {
            Console.Error.WriteLine(
                $"cudavit: the GPU is left out: {error.Message.TrimEnd('.')}; going on with --device {Cpu}");
            return null;
        }
    }

    /// <summary>
    /// Reads the kernels of a folder, or the built-in ones. These also stand in for files that the folder lacks.
    /// </summary>
    /// <param name="directory">The folder; null for the built-in ones.</param>
    /// <param name="saysWhatIsMissing">
    /// Whether a line on standard error names files that the folder lacks: a name that was mistyped would else run what
    /// was not edited, unnoticed.
    /// </param>
    /// <exception cref="UsageException">The folder is missing, or a file in it is not in the expected form.</exception>
    public static KernelCatalog Kernels(string? directory, bool saysWhatIsMissing = true)
    {
        try
        {
            var builtIn = KernelSources.BuiltIn();
            if (directory is null)
            {
                return new KernelCatalog(builtIn);
            }

            KernelSources sources = KernelSources.FromDirectory(directory).WithMissingFrom(builtIn);
            var catalog = new KernelCatalog(sources);
            if (saysWhatIsMissing && sources.Added.Count > 0)
            {
                string names = string.Join(", ", sources.Added.Take(3));
                string others = sources.Added.Count > 3 ? RunText.Text($" and {sources.Added.Count - 3} others") : "";
                Console.Error.WriteLine(
                    $"cudavit: {directory} has no {names}{others}; the built-in ones run in their place");
            }

            return catalog;
        }
        catch (Exception error) when (directory is not null && error is FormatException or IOException)
        {
            throw new UsageException($"--kernels-dir: {error.Message.TrimEnd('.')}");
        }
    }
}
