using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace CudaViT.GpuVerify;

/// <summary>The whole run: is there a GPU, then every step, then failed tests alone, and a report of it all.</summary>
internal static class Verification
{
    private static readonly TimeSpan LongestAlone = TimeSpan.FromSeconds(60);

    private static readonly JsonSerializerOptions Json =
        new(JsonSerializerDefaults.Web) { WriteIndented = true, Converters = { new JsonStringEnumConverter() } };

    /// <summary>Verifies.</summary>
    /// <param name="arguments">What was asked for.</param>
    /// <param name="programs">Where the programs are.</param>
    /// <param name="processes">Runs them.</param>
    /// <param name="time">The clock.</param>
    /// <param name="output">Gets a line for each step, and the result.</param>
    /// <param name="showsProgress">Whether lines may be written over.</param>
    /// <returns>Exit status.</returns>
    /// <exception cref="IOException">The results cannot be written.</exception>
    public static int Run(
        Arguments arguments, ProgramFolders programs, IProcessRunner processes, TimeProvider time, TextWriter output,
        bool showsProgress)
    {
        Directory.CreateDirectory(arguments.Output);
        string work = Directory.CreateTempSubdirectory("gpu-verify-").FullName;
        try
        {
            List<StepResult> results = [];
            using var log = new StreamWriter(Path.Combine(arguments.Output, "verify.log"));
            var runner = new StepRunner(processes, time, log, output, showsProgress);
            JsonObject? machine = Examine(runner, results);
            string? problem = ProblemOf(machine);
            if (problem is null)
            {
                UseCacheOf(machine!, work, runner);
                RunSteps(VerifySteps.After(work).Where(step => !arguments.Quick || !step.IsLong), runner, results);
            }

            bool holds = problem is null && results.TrueForAll(
                result => IsAlone(result) || result.Verdict is Verdict.Passed or Verdict.Absent);
            Write(arguments.Output, programs, time, machine, holds, results);
            output.WriteLine(problem is null
                ? $"{Summary(results, holds, runner.Budget)}; see {Path.Combine(arguments.Output, "verify.log")}"
                : $"gpu-verify: no GPU can be used here: {problem}");
            return problem is not null ? ExitStatus.NoGpu : holds ? ExitStatus.Holds : ExitStatus.Fails;
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    /// <summary>What the doctor says of a device, for example which GPU it is; null if it does not.</summary>
    /// <param name="doctor">All that it printed.</param>
    /// <param name="device">The device.</param>
    public static string? VerdictOn(string doctor, string device) => (Parse(doctor)?["verdicts"] as JsonArray)?
        .FirstOrDefault(verdict => (string?)verdict?["device"] == device) is { } found ? (string?)found["text"] : null;

    private static JsonObject? Examine(StepRunner runner, List<StepResult> results)
    {
        StepResult result = runner.Run(VerifySteps.Doctor);
        results.Add(result);
        return Parse(result.Text);
    }

    private static JsonObject? Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Why the GPU cannot be used, in one sentence; null if it can.</summary>
    private static string? ProblemOf(JsonObject? machine)
    {
        if (machine?["devices"] is not JsonArray devices)
        {
            return "cudavit doctor did not answer.";
        }

        if (devices.Any(device => (string?)device == "cuda"))
        {
            return null;
        }

        string? reason = Check(machine, "GPU") ?? Check(machine, "NVRTC");
        return $"{(reason ?? "cudavit doctor does not list cuda").TrimEnd('.')}.";
    }

    // Where the user's cache cannot be written, each step would compile every kernel again.
    private static void UseCacheOf(JsonObject machine, string work, StepRunner runner)
    {
        if (Check(machine, "kernel cache") is not null)
        {
            runner.Variables["CUDAVIT_CACHE"] = Path.Combine(work, "cache");
        }
    }

    /// <summary>Why the machine has not got something; null if it has.</summary>
    private static string? Check(JsonObject machine, string name) => (machine["checks"] as JsonArray)?
        .FirstOrDefault(check => (string?)check?["name"] == name) is { } found && found["problem"] is { } problem
            ? (string?)problem
            : null;

    private static void RunSteps(IEnumerable<VerifyStep> steps, StepRunner runner, List<StepResult> results)
    {
        List<(VerifyStep Step, string Test)> failures = [];
        foreach (VerifyStep step in steps)
        {
            StepResult result = runner.Run(step);
            results.Add(result);
            if (result.FirstFailure is { } test)
            {
                failures.Add((step, test));
            }
        }

        // At the end, from what is left of the budget: no step is to be cut for the sake of another one's failure.
        foreach ((VerifyStep step, string test) in failures)
        {
            results.Add(runner.RunAlone(step, test, LongestAlone));
        }
    }

    // It tells more of a failure that counts already.
    private static bool IsAlone(StepResult result) => result.Name.EndsWith(", alone", StringComparison.Ordinal);

    private static string Summary(List<StepResult> results, bool holds, TimeSpan budget)
    {
        StepResult[] steps = [.. results.Where(result => !IsAlone(result))];
        string[] parts =
        [
            .. Part("failed", Verdict.Failed), .. Part("ran out of time", Verdict.TimedOut),
            .. Part("ran nothing", Verdict.NothingRan),
            .. Part(
                FormattableString.Invariant($"cut by the budget of {budget.TotalMinutes:0.#} minutes"),
                Verdict.Cut),
            .. Part("absent here", Verdict.Absent),
        ];
        string others = parts.Length > 0 ? $"; {string.Join("; ", parts)}" : "";
        int passed = steps.Count(step => step.Verdict == Verdict.Passed);
        return holds ? $"everything holds: {passed} steps passed{others}"
            : FormattableString.Invariant($"{passed} of {steps.Length} steps passed{others}");

        string[] Part(string what, Verdict verdict)
        {
            string[] names = [.. steps.Where(step => step.Verdict == verdict).Select(step => step.Name)];
            return names.Length > 0 ? [$"{what}: {string.Join(", ", names)}"] : [];
        }
    }

    private static void Write(
        string folder, ProgramFolders programs, TimeProvider time, JsonObject? machine, bool holds,
        List<StepResult> results)
    {
        var report = new
        {
            Date = time.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture),
            Commit = programs.Read("commit.txt"),
            Machine = machine,
            Passed = holds,
            Steps = results,
        };
        File.WriteAllText(Path.Combine(folder, "verify.json"), JsonSerializer.Serialize(report, Json));
    }
}
