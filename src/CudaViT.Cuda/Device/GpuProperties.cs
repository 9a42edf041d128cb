namespace CudaViT.Cuda;

/// <summary>What launchers and reports need to know about a device.</summary>
public sealed record GpuProperties
{
    /// <summary>The vendor's name of the device.</summary>
    public required string Name { get; init; }

    /// <summary>Compute capability, for example 9.0.</summary>
    public required Version ComputeCapability { get; init; }

    /// <summary>Number of streaming multiprocessors.</summary>
    public required int Multiprocessors { get; init; }

    /// <summary>Most shared memory that one block can have, in bytes; above 48 KiB a kernel must opt in.</summary>
    public required int SharedBytesPerBlock { get; init; }

    /// <summary>Device memory in bytes.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>
    /// Whether the driver wants each array to be an allocation of its own, so that it can guard its ends.
    /// </summary>
    public bool GuardsAllocations { get; init; }
}
