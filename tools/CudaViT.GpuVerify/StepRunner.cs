using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;

namespace CudaViT.GpuVerify;

/// <summary>Runs steps one after another and writes down all that they print.</summary>
/// <param name="programs">Folder of the published programs.</param>
/// <param name="log">Gets everything.</param>
/// <param name="budget">What all steps may take together; those that come too late count as timed out.</param>
internal sealed class StepRunner(string programs, TextWriter log, TimeSpan budget)
{
    private const string ToolkitPrograms = "/usr/local/cuda/bin";

    private readonly Stopwatch _clock = Stopwatch.StartNew();

    public StepResult Run(VerifyStep step)
    {
        string[] wrapper = step.Wrapper;
        if (wrapper is [string tool, .. string[] options])
        {
            // A step may ask for a tool that this machine lacks; that is said, not failed.
            if (Find(tool) is not { } path)
            {
                return Note(new StepResult(
                    step.Name, tool, Verdict.Absent, null, 0, $"{tool} is neither on the PATH nor in {ToolkitPrograms}"));
            }

            wrapper = [path, .. options];
        }

        TimeSpan left = budget - _clock.Elapsed;
        TimeSpan limit = left < step.Limit ? left : step.Limit;
        if (limit <= TimeSpan.Zero)
        {
            return Note(new StepResult(
                step.Name, step.Program, Verdict.TimedOut, null, 0, $"the budget of {budget.TotalMinutes} minutes is used up"));
        }

        string[] command = [.. wrapper, .. Host(programs, step.Program), .. step.Arguments];
        log.WriteLine($"== {step.Name}: {string.Join(' ', command.Select(Path.GetFileName))}");
        log.Flush();
        var clock = Stopwatch.StartNew();
        (int? status, string text) = Execute(command, limit);
        log.WriteLine(text);
        string last = text.TrimEnd().Split('\n')[^1];
        Verdict verdict = status is null ? Verdict.TimedOut
            : status == 0 && (step.Expected is null || text.Contains(step.Expected, StringComparison.Ordinal)) ? Verdict.Passed
            : Verdict.Failed;
        string shown = string.Join(' ', [.. step.Wrapper, step.Program, .. step.Arguments]);
        return Note(new StepResult(step.Name, shown, verdict, status, Math.Round(clock.Elapsed.TotalSeconds, 1), last));
    }

    /// <summary>What a program prints as JSON; null if it fails.</summary>
    public static JsonNode? Json(string programs, string program, params string[] arguments)
    {
        (int? status, string text) = Execute([.. Host(programs, program), .. arguments], TimeSpan.FromSeconds(30));
        return status == 0 ? JsonNode.Parse(text) : null;
    }

    private static string[] Host(string programs, string program) =>
        [Environment.ProcessPath!, Path.Combine(programs, program + ".dll")];

    private static (int? Status, string Text) Execute(string[] command, TimeSpan limit)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["CUDAVIT_REQUIRE_GPU"] = "1";
        string fixtures = Path.GetFullPath("tests/fixtures");
        if (Directory.Exists(fixtures))
        {
            start.Environment.TryAdd("CUDAVIT_FIXTURES", fixtures); // the programs may lie outside the repository
        }

        using var process = new Process { StartInfo = start };
        var text = new StringBuilder();
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (!process.WaitForExit(limit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return (null, FormattableString.Invariant($"{text}stopped after {limit.TotalSeconds:f0} s"));
        }

        process.WaitForExit(); // the streams, too
        return (process.ExitCode, text.ToString());

        void Append(object sender, DataReceivedEventArgs line)
        {
            lock (text)
            {
                text.AppendLine(line.Data);
            }
        }
    }

    private static string? Find(string tool) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(Path.PathSeparator).Append(ToolkitPrograms)
        .Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);

    private StepResult Note(StepResult result)
    {
        string line = FormattableString.Invariant(
            $"{result.Verdict,-8} {result.Name,-28} {result.Seconds,6:f1} s  {result.LastLine}");
        log.WriteLine(line);
        log.WriteLine();
        log.Flush();
        Console.WriteLine(line);
        return result;
    }
}
