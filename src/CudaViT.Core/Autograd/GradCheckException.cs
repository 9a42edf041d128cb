namespace CudaViT.Core;

/// <summary>A gradient check did not pass.</summary>
public sealed class GradCheckException : Exception
{
    /// <summary>Makes an exception without a report.</summary>
    public GradCheckException()
    {
    }

    /// <summary>Makes an exception with a message of its own.</summary>
    public GradCheckException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a cause.</summary>
    public GradCheckException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Makes an exception from a report.</summary>
    public GradCheckException(GradCheckReport report)
        : base($"Gradient check: {report}") => Report = report;

    /// <summary>What was compared.</summary>
    public GradCheckReport? Report { get; }
}
