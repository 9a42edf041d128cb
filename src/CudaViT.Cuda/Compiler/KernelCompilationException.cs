namespace CudaViT.Cuda;

/// <summary>A kernel does not compile. The message has file, build, options and the compiler's log.</summary>
public sealed class KernelCompilationException : GpuException
{
    /// <summary>Makes an exception without a message.</summary>
    public KernelCompilationException()
    {
    }

    /// <summary>Makes an exception with a message.</summary>
    public KernelCompilationException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a cause.</summary>
    public KernelCompilationException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
