namespace CudaViT.GpuVerify;

/// <summary>One thing to verify: a published program with its arguments.</summary>
/// <param name="Name">Short name, also that of the log's section.</param>
/// <param name="Program">Assembly name of a published program.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Limit">When to stop it, if the budget of the whole run has not stopped it before.</param>
internal sealed record VerifyStep(string Name, string Program, string[] Arguments, TimeSpan Limit)
{
    /// <summary>A tool that runs the program instead of the host itself, such as compute-sanitizer; skipped if absent.</summary>
    public string[] Wrapper { get; init; } = [];

    /// <summary>Text that the output must contain for the step to count.</summary>
    public string? Expected { get; init; }
}
