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

    /// <summary>Makes an exception from what a compiler said.</summary>
    /// <param name="module">What was compiled.</param>
    /// <param name="options">The compiler's options.</param>
    /// <param name="log">Everything that it printed.</param>
    public KernelCompilationException(KernelModule module, IEnumerable<string> options, string log)
        : this(module, KernelDiagnostic.Parse(log), string.Join(' ', options), log.Trim())
    {
    }

    private KernelCompilationException(
        KernelModule module, IReadOnlyList<KernelDiagnostic> errors, string options, string log)
        : base($"{Describe(module, errors, log)}\noptions: {options}\n{log}") =>
        (Module, Errors, Summary) = (module, errors, Describe(module, errors, log));

    /// <summary>What was compiled; null where the message alone says it.</summary>
    public KernelModule? Module { get; }

    /// <summary>The errors in the compiler's log.</summary>
    public IReadOnlyList<KernelDiagnostic> Errors { get; } = [];

    /// <summary>File, build and the first error in one line; null where the message is all there is.</summary>
    public string? Summary { get; }

    private static string Describe(KernelModule module, IReadOnlyList<KernelDiagnostic> errors, string log)
    {
        string first = errors.Count > 0 ? errors[0].ToString() : log.Split('\n')[0].Trim();
        string more = errors.Count > 1 ? $" (and {errors.Count - 1} more)" : "";
        return $"{module} does not compile: {first}{more}";
    }
}
