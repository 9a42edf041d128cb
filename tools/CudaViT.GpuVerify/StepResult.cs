namespace CudaViT.GpuVerify;

/// <summary>What became of a step.</summary>
internal enum Verdict
{
    /// <summary>The program ended with status 0 and said what it should.</summary>
    Passed,

    /// <summary>It ended with another status, or without saying it.</summary>
    Failed,

    /// <summary>It ran longer than its limit and was stopped.</summary>
    TimedOut,

    /// <summary>What it needs is not on this machine.</summary>
    Absent,
}

/// <summary>A line of the JSON report.</summary>
/// <param name="Name">The step's name.</param>
/// <param name="Command">What was run.</param>
/// <param name="Verdict">What became of it.</param>
/// <param name="Status">Exit status; null if it did not end by itself.</param>
/// <param name="Seconds">How long it ran.</param>
/// <param name="LastLine">The last line it printed: for test programs the tally.</param>
internal sealed record StepResult(
    string Name, string Command, Verdict Verdict, int? Status, double Seconds, string LastLine);
