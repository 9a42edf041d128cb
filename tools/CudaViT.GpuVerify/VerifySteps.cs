namespace CudaViT.GpuVerify;

/// <summary>One thing to verify: a published program with its arguments.</summary>
/// <param name="Name">Short name, also that of the log's section.</param>
/// <param name="Program">Assembly name of a published program.</param>
/// <param name="Arguments">Its arguments.</param>
/// <param name="Share">Its share of the budget; a step may also use what those before it have left.</param>
internal sealed record VerifyStep(string Name, string Program, string[] Arguments, TimeSpan Share)
{
    /// <summary>
    /// A tool that runs the program instead of the host itself, such as compute-sanitizer, with options.
    /// </summary>
    public string[] Wrapper { get; init; } = [];

    /// <summary>
    /// Texts that the output must contain for the step to count: a tool that reports no errors may not have run
    /// anything.
    /// </summary>
    public string[] Expected { get; init; } = [];

    /// <summary>What to show of the output in place of its last line.</summary>
    public Func<string, string>? Shown { get; init; }

    /// <summary>Whether the quick run leaves it out.</summary>
    public bool IsLong { get; init; }

    /// <summary>Whether the program is one of tests, whose last line counts them.</summary>
    public bool IsTests => Program.EndsWith(".Tests", StringComparison.Ordinal);
}

/// <summary>What is verified, in order: what says most, or what the others need, first.</summary>
internal static class VerifySteps
{
    private const string Cli = "cudavit";
    private const string BackendTests = "CudaViT.Backend.Tests";
    private const string EmulatorTests = "CudaViT.Emulator.Tests";
    private const string TrainingTests = "CudaViT.Training.Tests";

    private const string OnCuda = "backend: \"cuda\"";
    private const string OnCudaDevice = "device: \"cuda\"";

    // The program's own last line; without it a sanitizer has found no errors in nothing.
    private const string RunEnded = "done:";
    private const string ChecksEnded = "of the bound";

    /// <summary>What all steps may take together.</summary>
    public static TimeSpan Budget { get; } = TimeSpan.FromMinutes(8);

    /// <summary>Every program that a step runs.</summary>
    public static string[] Programs { get; } = [Cli, BackendTests, EmulatorTests, TrainingTests];

    /// <summary>The first: which GPU there is, if any. Its output is read.</summary>
    public static VerifyStep Doctor { get; } = new("doctor", Cli, ["doctor", "--json"], Seconds(20))
    {
        Shown = text => Verification.VerdictOn(text, "cuda") ?? text.TrimEnd().Split('\n')[^1],
    };

    /// <summary>All others.</summary>
    /// <param name="work">A folder for what runs leave behind.</param>
    public static VerifyStep[] After(string work)
    {
        string[] run = ["train", "--device", "cuda", "--epochs", "1", "--limit", "512", "--batch", "64"];
        string[] notRecorded = ["-notrait", "Category=Fixtures"];
        return
        [
            // Compiles every kernel, on all cores, into the cache from which all later steps take them.
            new("kernel resources", Cli, ["kernels", "--arch", "native"], Seconds(60)),
            new("ptx helpers", EmulatorTests, ["-name", OnCudaDevice, "-serial"], Seconds(15)),
            new("operators", BackendTests, ["-name", OnCuda, .. notRecorded], Seconds(110)),
            new("operator fixtures", BackendTests, ["-name", OnCuda, "-trait", "Category=Fixtures"], Seconds(20)),
            new("gradient checks", Cli, ["gradcheck", "--device", "cuda"], Seconds(25)),
            new("model fixtures", TrainingTests, ["-name", OnCuda, "-trait", "Category=Fixtures"], Seconds(25)),
            new(
                "200 steps, runs, same bits", TrainingTests,
                ["-name", OnCuda, .. notRecorded, "-notrait", "Category=GradCheck"], Seconds(90)) { IsLong = true },
            new("training run", Cli, [.. run, "--out", Path.Combine(work, "run")], Seconds(15))
            {
                Expected = [RunEnded],
            },
            new("memcheck", Cli, [.. run, "--augment", "cuda", "--out", Path.Combine(work, "memcheck")], Seconds(50))
            {
                Wrapper = ["compute-sanitizer", "--tool", "memcheck", "--error-exitcode", "9"],
                Expected = ["ERROR SUMMARY: 0 errors", RunEnded],
                IsLong = true,
            },
            new(
                "racecheck", Cli,
                ["gradcheck", "--device", "cuda", "Attention", "LayerNorm", "InfoNce", "BatchNorm"], Seconds(50))
            {
                Wrapper = ["compute-sanitizer", "--tool", "racecheck", "--error-exitcode", "9"],
                Expected = ["RACECHECK SUMMARY: 0 hazards", ChecksEnded],
                IsLong = true,
            },
        ];
    }

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);
}
