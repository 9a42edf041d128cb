namespace CudaViT.Cuda;

/// <summary>A device refused or failed to do something; the message says what, and what to do.</summary>
public class GpuException : Exception
{
    /// <summary>Makes an exception without a message.</summary>
    public GpuException()
    {
    }

    /// <summary>Makes an exception that says which call failed with which status.</summary>
    public GpuException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a cause.</summary>
    public GpuException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Whether the device has no memory left: the pool may free what it holds and try again.</summary>
    public bool IsOutOfMemory { get; init; }

    /// <summary>
    /// Bytes of the device in use when there was not enough, by all programs; null where the driver cannot tell.
    /// </summary>
    public long? MemoryInUse { get; init; }
}
