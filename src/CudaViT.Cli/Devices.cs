using CudaViT.Core;
using CudaViT.Cpu;

namespace CudaViT.Cli;

/// <summary>The one place that knows which devices there are.</summary>
internal static class Devices
{
    public const string Auto = "auto";

    /// <summary>Names that options take.</summary>
    public static string[] Names { get; } = [Auto, "cpu", "cuda", "emulator"];

    /// <summary>Opens a device.</summary>
    /// <param name="name">One of <see cref="Names"/>; null for auto.</param>
    /// <param name="threads">Compute threads of the CPU; null for one per processor.</param>
    /// <exception cref="UsageException">This version does not have it.</exception>
    public static IBackend Open(string? name, int? threads) => name is null or Auto or "cpu"
        ? new CpuBackend(threads)
        : throw new UsageException(
            $"--device is '{name}', which is not built into this version; expected auto or cpu; leave the option out");
}
