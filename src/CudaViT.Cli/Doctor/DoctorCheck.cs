namespace CudaViT.Cli.Doctor;

/// <summary>One thing that the program can use, and whether this machine has it. A line of <c>cudavit doctor</c>.</summary>
/// <param name="Name">What it is.</param>
/// <param name="Found">Whether it can be used.</param>
/// <param name="Version">Its version or description, in its own words.</param>
/// <param name="Path">Where it is.</param>
/// <param name="Enables">What the program can do with it.</param>
/// <param name="Problem">Why it cannot be used and what to do about it; null where it can.</param>
/// <param name="Tried">Where it was looked for in vain; empty where it was found.</param>
internal sealed record DoctorCheck(
    string Name,
    bool Found,
    string? Version,
    string? Path,
    string Enables,
    string? Problem,
    IReadOnlyList<string> Tried);
