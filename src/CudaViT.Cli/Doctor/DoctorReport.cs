namespace CudaViT.Cli.Doctor;

/// <summary>What <c>cudavit doctor</c> prints.</summary>
/// <param name="Devices">Values of <c>--device</c> that work here.</param>
/// <param name="Verdicts">Every value of <c>--device</c>, and why it does not work where it does not.</param>
/// <param name="Checks">What was looked for, in the order in which one thing needs another.</param>
internal sealed record DoctorReport(
    IReadOnlyList<string> Devices, IReadOnlyList<DeviceVerdict> Verdicts, IReadOnlyList<DoctorCheck> Checks);

/// <summary>Whether a device works here.</summary>
/// <param name="Device">The value of <c>--device</c>.</param>
/// <param name="Works">Whether it works.</param>
/// <param name="Text">What it is where it works, and why not where it does not.</param>
internal sealed record DeviceVerdict(string Device, bool Works, string Text);

/// <summary>One thing that the program can use, and whether this machine has it.</summary>
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
    IReadOnlyList<string> Tried)
{
    /// <summary>What to type to get it; null where it is there, or no command of this machine gets it.</summary>
    public string? Command { get; init; }
}
