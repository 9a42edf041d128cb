namespace CudaViT.Emulator;

/// <summary>How an <see cref="EmulatorDriver"/> runs kernels.</summary>
public sealed record EmulatorOptions
{
    /// <summary>
    /// Whether every memory access of a kernel is checked. Without, kernels run a few times faster, only writes just
    /// outside an allocation are noticed, and a wrong address can end the process.
    /// </summary>
    public bool Checked { get; init; } = true;

    /// <summary>
    /// Whether work waits until something asks for its result, so that work that wrongly relies on the other stream, or
    /// on the order of submission, finds poison.
    /// </summary>
    public bool Lazy { get; init; }

    /// <summary>Decides about the order of blocks and of threads.</summary>
    public ulong Seed { get; init; } = 1;

    /// <summary>Native threads that share the blocks of a launch; 0 for one per processor, at most 8.</summary>
    public int Workers { get; init; }

    /// <summary>Device memory in bytes; beyond it, allocations fail as on a device.</summary>
    public long MemoryBytes { get; init; } = 8L << 30;

    /// <summary>
    /// Folder of compiled kernels; null for <c>emulator</c> in <see cref="CudaViT.Cuda.CacheFolder"/>.
    /// </summary>
    public string? CacheDirectory { get; init; }

    /// <summary>
    /// The C++ compiler; null for <c>CXX</c>, or else the first of g++ and clang++ on the path. With clang++, the
    /// checked mode does not see misaligned copies of structures.
    /// </summary>
    public string? Compiler { get; init; }
}
