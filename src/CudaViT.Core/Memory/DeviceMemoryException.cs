namespace CudaViT.Core;

/// <summary>A device has no memory left for an array, or the limit of what it may take cannot be read.</summary>
public sealed class DeviceMemoryException : Exception
{
    /// <summary>Makes an exception without a message.</summary>
    public DeviceMemoryException()
    {
    }

    /// <summary>Makes an exception that says how much was asked for and what to do.</summary>
    public DeviceMemoryException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a cause.</summary>
    public DeviceMemoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
