namespace CudaViT.GpuVerify.Tests;

/// <summary>Programs that say what a test wants, and a clock that only they move.</summary>
internal sealed class FakeMachine : TimeProvider, IProcessRunner
{
    public const string Doctor = """
        {
          "devices": ["cpu", "cuda"], "verdicts": [{"device": "cuda", "text": "some GPU"}],
          "checks": [{"name": "GPU", "problem": null}, {"name": "kernel cache", "problem": null}]
        }
        """;

    private long _ticks;

    /// <summary>What was started, in order.</summary>
    public List<Started> Runs { get; } = [];

    /// <summary>Whether compute-sanitizer is installed.</summary>
    public bool HasSanitizer { get; init; } = true;

    /// <summary>What a program does; null for <see cref="Passes"/>.</summary>
    public Func<Started, Outcome?>? Acts { get; init; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _ticks;

    public override DateTimeOffset GetUtcNow() => new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public string? FindTool(string name) => HasSanitizer ? $"/tools/{name}" : null;

    public (int? Status, string Text) Run(
        string program, string[] arguments, string[] wrapper, IReadOnlyDictionary<string, string> variables,
        TimeSpan limit)
    {
        var started = new Started(
            program, arguments, wrapper, new Dictionary<string, string>(variables), limit, TimeSpan.FromTicks(_ticks));
        Runs.Add(started);
        Outcome outcome = Acts?.Invoke(started) ?? Passes(started);
        _ticks += outcome.Takes.Ticks;
        return (outcome.Status, outcome.Text);
    }

    /// <summary>All is well within a second.</summary>
    public static Outcome Passes(Started started) => new(
        0,
        started switch
        {
            { Arguments: ["doctor", ..] } => Doctor,
            { IsTests: true } => "5 passed, 0 failed, 1 skipped",
            { Wrapper: [_, _, "memcheck", ..] } => "done: all\n========= ERROR SUMMARY: 0 errors",
            { Wrapper: [_, _, "racecheck", ..] } =>
                "worst 0.1 of the bound\n========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)",
            _ => "done: all",
        },
        TimeSpan.FromSeconds(1));

    /// <summary>A program's start.</summary>
    /// <param name="Program">Its name.</param>
    /// <param name="Arguments">Its arguments.</param>
    /// <param name="Wrapper">What runs it.</param>
    /// <param name="Variables">Its own environment variables.</param>
    /// <param name="Limit">How long it may take.</param>
    /// <param name="At">When it began.</param>
    public sealed record Started(
        string Program, string[] Arguments, string[] Wrapper, Dictionary<string, string> Variables, TimeSpan Limit,
        TimeSpan At)
    {
        public bool IsTests => Program.EndsWith(".Tests", StringComparison.Ordinal);

        public bool IsAlone => Arguments is ["-name", _, "-serial"] && Variables.ContainsKey("CUDAVIT_SYNC");
    }

    /// <summary>What a program does.</summary>
    /// <param name="Status">How it ends; null if it has to be stopped.</param>
    /// <param name="Text">What it prints.</param>
    /// <param name="Takes">How long it runs.</param>
    public sealed record Outcome(int? Status, string Text, TimeSpan Takes);
}
