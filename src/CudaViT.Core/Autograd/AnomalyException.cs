namespace CudaViT.Core;

/// <summary>Anomaly mode found the first operation that makes a NaN or an infinity.</summary>
public sealed class AnomalyException : Exception
{
    /// <summary>Makes an exception without a message.</summary>
    public AnomalyException()
    {
    }

    /// <summary>Makes an exception that names operation, pass, element, shape and call site.</summary>
    public AnomalyException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a cause.</summary>
    public AnomalyException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
