namespace CudaViT.Cuda;

/// <summary>A compiled kernel file.</summary>
public sealed class CompiledKernels
{
    private readonly byte[] _image;

    internal CompiledKernels(KernelModule module, string architecture, byte[] image, string log, bool isFromCache)
    {
        (Module, Architecture, _image, Log, IsFromCache) = (module, architecture, image, log, isFromCache);
        Resources = KernelResources.Parse(log);
    }

    /// <summary>What was compiled.</summary>
    public KernelModule Module { get; }

    /// <summary>
    /// What it was compiled for: sm_90a is machine code, compute_90 the virtual machine's code (PTX).
    /// </summary>
    public string Architecture { get; }

    /// <summary>The code: a cubin, or PTX as text that ends with a zero byte. Either can be loaded.</summary>
    public ReadOnlySpan<byte> Image => _image;

    /// <summary>What the compiler printed, warnings included.</summary>
    public string Log { get; }

    /// <summary>What each kernel takes; empty for PTX, which the driver assembles.</summary>
    public IReadOnlyList<KernelResources> Resources { get; }

    /// <summary>Whether it was compiled by an earlier run, or another process.</summary>
    public bool IsFromCache { get; }
}
