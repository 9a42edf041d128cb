using System.Globalization;
using System.Text.RegularExpressions;

namespace CudaViT.GpuVerify;

/// <summary>What became of a step.</summary>
internal enum Verdict
{
    /// <summary>The program ended with status 0 and said what it should.</summary>
    Passed,

    /// <summary>It ended with another status, or without saying it.</summary>
    Failed,

    /// <summary>It ran longer than its share of the budget, and all that was left over, and was stopped.</summary>
    TimedOut,

    /// <summary>The budget of all steps was used up before its own share was: it was stopped, or never began.</summary>
    Cut,

    /// <summary>A program of tests ended well without having passed one.</summary>
    NothingRan,

    /// <summary>What it needs is not on this machine, or does not work with this device.</summary>
    Absent,
}

/// <summary>A line of the JSON report.</summary>
/// <param name="Name">The step's name.</param>
/// <param name="Command">What was run.</param>
/// <param name="Verdict">What became of it.</param>
/// <param name="Status">Exit status; null if it did not end by itself.</param>
/// <param name="Seconds">How long it ran.</param>
/// <param name="LastLine">The last line it printed, for test programs the tally; or why there is none.</param>
internal sealed record StepResult(
    string Name, string Command, Verdict Verdict, int? Status, double Seconds, string LastLine)
{
    /// <summary>The first test that failed, to be run again alone; null where none did.</summary>
    public string? FirstFailure { get; init; }

    /// <summary>All that it printed; not in the report.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Text { get; init; } = "";
}

/// <summary>
/// Runs steps one after another, each within its share of the budget and what those before it have left, and writes
/// down all that they print.
/// </summary>
/// <param name="processes">Runs the programs.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Gets everything.</param>
/// <param name="output">Gets a line for each step.</param>
/// <param name="showsProgress">Whether a line may also say what is running, to be written over.</param>
internal sealed partial class StepRunner(
    IProcessRunner processes, TimeProvider time, TextWriter log, TextWriter output, bool showsProgress)
{
    // Less is no time to start a program in.
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    private readonly long _start = time.GetTimestamp();
    private TimeSpan _allowed; // for the steps so far

    /// <summary>The shares of all steps so far, together.</summary>
    public TimeSpan Budget => _allowed;

    /// <summary>Environment variables of all programs.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>Runs a step.</summary>
    public StepResult Run(VerifyStep step)
    {
        _allowed += step.Share;
        string[] wrapper = step.Wrapper;
        string shown = string.Join(' ', [.. wrapper, step.Program, .. step.Arguments]);
        if (wrapper is [string tool, .. string[] options])
        {
            if (processes.FindTool(tool) is not { } path)
            {
                return Note(Result(Verdict.Absent, $"{tool} is neither on the PATH nor in a toolkit's bin"));
            }

            wrapper = [path, .. options];
        }

        TimeSpan limit = _allowed - time.GetElapsedTime(_start);
        if (limit < Shortest)
        {
            return Note(Result(Verdict.Cut, "not begun: the budget is used up"));
        }

        return Note(Execute(step, shown, wrapper, limit, Variables));

        StepResult Result(Verdict verdict, string line) => new(step.Name, shown, verdict, null, 0, line);
    }

    /// <summary>Runs the first failed test of a step again, alone and waiting after every launch.</summary>
    /// <param name="step">The step.</param>
    /// <param name="test">The test's name.</param>
    /// <param name="limit">When to stop it, if the budget does not end before.</param>
    public StepResult RunAlone(VerifyStep step, string test, TimeSpan limit)
    {
        var alone = new VerifyStep($"{step.Name}, alone", step.Program, ["-name", test, "-serial"], limit);
        string shown = $"CUDAVIT_SYNC=1 {step.Program} -name '{test}' -serial";
        TimeSpan left = _allowed - time.GetElapsedTime(_start);
        if (left < Shortest)
        {
            return Note(new StepResult(
                alone.Name, shown, Verdict.Cut, null, 0, "not begun: the budget is used up"));
        }

        var variables = new Dictionary<string, string>(Variables) { ["CUDAVIT_SYNC"] = "1" };
        return Note(Execute(alone, shown, [], left < limit ? left : limit, variables));
    }

    private StepResult Execute(
        VerifyStep step, string shown, string[] wrapper, TimeSpan limit, IReadOnlyDictionary<string, string> variables)
    {
        log.WriteLine($"== {step.Name}: {shown}");
        log.Flush();
        if (showsProgress)
        {
            output.Write(FormattableString.Invariant($"running  {step.Name}, for {limit.TotalSeconds:f0} s at most\r"));
        }

        long start = time.GetTimestamp();
        (int? status, string text) = processes.Run(step.Program, step.Arguments, wrapper, variables, limit);
        double seconds = Math.Round(time.GetElapsedTime(start).TotalSeconds, 1);
        log.WriteLine(text);
        string[] lines = text.TrimEnd().Split('\n', StringSplitOptions.TrimEntries);
        (Verdict verdict, string last) = Judge(step, status, text, lines, limit);
        string? failure = !step.IsTests || verdict == Verdict.Passed ? null
            : lines.Select(line => FailurePattern().Match(line)).FirstOrDefault(match => match.Success)
                ?.Groups["name"].Value;
        return new StepResult(step.Name, shown, verdict, status, seconds, last) { FirstFailure = failure, Text = text };
    }

    private static (Verdict Verdict, string LastLine) Judge(
        VerifyStep step, int? status, string text, string[] lines, TimeSpan limit)
    {
        string last = status == 0 && step.Shown is not null ? step.Shown(text) : lines[^1];
        if (status is null)
        {
            string stopped = FormattableString.Invariant($"stopped after {limit.TotalSeconds:f0} s");
            return limit < step.Share
                ? (Verdict.Cut, $"{stopped}: the budget is used up")
                : (Verdict.TimedOut, stopped);
        }

        // What a sanitizer says of itself, not of the program.
        if (step.Wrapper.Length > 0 && Array.Find(lines, RefusalPattern().IsMatch) is { } refusal)
        {
            return (Verdict.Absent, refusal.TrimStart('=', ' '));
        }

        if (step.IsTests && TallyPattern().Match(last) is { Success: true } tally
            && int.Parse(tally.Groups["passed"].Value, CultureInfo.InvariantCulture) == 0
            && int.Parse(tally.Groups["failed"].Value, CultureInfo.InvariantCulture) == 0)
        {
            return (Verdict.NothingRan, $"nothing ran: {last}");
        }

        string? unsaid = Array.Find(step.Expected, expected => !text.Contains(expected, StringComparison.Ordinal));
        return status != 0 ? (Verdict.Failed, last)
            : unsaid is not null ? (Verdict.Failed, $"'{unsaid}' is missing; the last line is: {last}")
            : (Verdict.Passed, last);
    }

    private StepResult Note(StepResult result)
    {
        string line = FormattableString.Invariant(
            $"{Word(result.Verdict),-11} {result.Name,-28} {result.Seconds,6:f1} s  {result.LastLine}");
        log.WriteLine(line);
        log.WriteLine();
        log.Flush();
        output.WriteLine(showsProgress ? line.PadRight(60) : line);
        return result;
    }

    private static string Word(Verdict verdict) => verdict switch
    {
        Verdict.TimedOut => "timed out",
        Verdict.NothingRan => "nothing ran",
        _ => verdict.ToString().ToLowerInvariant(),
    };

    [GeneratedRegex(@"^FAIL (?<name>.+) \([0-9.,]+ s\)$")]
    private static partial Regex FailurePattern();

    [GeneratedRegex("^(?<passed>[0-9]+) passed, (?<failed>[0-9]+) failed, [0-9]+ skipped$")]
    private static partial Regex TallyPattern();

    [GeneratedRegex(
        "^=+ *(Internal Sanitizer )?Error: .*(not supported|unsupported|permission|not permitted|privilege)",
        RegexOptions.IgnoreCase)]
    private static partial Regex RefusalPattern();
}
