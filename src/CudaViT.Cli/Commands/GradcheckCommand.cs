using System.CommandLine;
using CudaViT.Cli.Gradchecks;
using CudaViT.Cli.Output;
using CudaViT.Core;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit gradcheck</c></summary>
internal static class GradcheckCommand
{
    public const string Name = "gradcheck";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        ("cudavit gradcheck", "every operation, forward against backward in float64"),
        ("cudavit gradcheck Attention LayerNorm --json", "two of them, for a script"),
    ];

    public static Command Create(TextWriter output)
    {
        var operations = new Argument<string[]>("operation")
        {
            Description = "Operations by the names of their classes (default: all).",
            Arity = ArgumentArity.ZeroOrMore,
        };
        Option<string?> device = Options.Device();
        Option<int?> threads = Options.Threads();
        Option<string?> kernels = Options.KernelsDirectory();
        Option<bool> json = Options.Json();
        var command = new Command(Name, "Compares the gradient of each operation with central differences in float64.")
        {
            operations, device, threads, kernels, json,
        };
        command.SetAction(parsed =>
        {
            GradcheckCase[] cases = Choose(parsed.GetValue(operations) ?? []);
            using IBackend backend = Devices.Open(
                parsed.GetValue(device), parsed.GetValue(threads), parsed.GetValue(kernels));
            GradcheckResult[] results = [.. cases.Select(c => Run(c, backend))];
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, results);
            }
            else
            {
                Print(output, results);
            }

            int failures = results.Count(result => result.Verdict != GradCheckVerdict.Pass);
            return failures == 0
                ? CommandLine.Success
                : throw new GradCheckException(
                    $"{failures} of {results.Length} gradient checks did not pass; expected all; see the list above");
        });
        return command;
    }

    private static GradcheckCase[] Choose(string[] names)
    {
        string? unknown = names.FirstOrDefault(name => !GradcheckCases.All.Any(c => IsOf(c, name)));
        return unknown is null
            ? [.. GradcheckCases.All.Where(c => names.Length == 0 || names.Any(name => IsOf(c, name)))]
            : throw new UsageException(
                $"'{unknown}' is no operation; expected any of "
                + $"{string.Join(", ", GradcheckCases.All.Select(c => c.Operation).Distinct())}");
    }

    private static bool IsOf(GradcheckCase c, string name) =>
        c.Operation.Equals(name, StringComparison.OrdinalIgnoreCase);

    private static GradcheckResult Run(GradcheckCase c, IBackend backend)
    {
        using var scope = new StepScope();
        GradCheckReport report = GradCheck.Examine(c.Function, c.Inputs(new InputSource(backend)));
        double? worst = report.Worst is [GradCheckElement first, ..] ? first.ErrorOverBound : null;
        return new GradcheckResult(c.Operation, c.What, report.Verdict, report.Elements, worst, report.ToString());
    }

    private static void Print(TextWriter output, GradcheckResult[] results)
    {
        foreach (GradcheckResult result in results)
        {
            string name = RunText.Text($"{result.Verdict,-13} {result.Operation,-14} {result.Form,-26}");
            output.WriteLine(RunText.Text(
                $"{name} {result.Elements,4} elements, worst {result.WorstErrorOverBound:f3} of the bound"));
            if (result.Verdict != GradCheckVerdict.Pass)
            {
                output.WriteLine(result.Report);
            }
        }
    }

    /// <summary>One line of the list, and what <c>--json</c> prints.</summary>
    private sealed record GradcheckResult(
        string Operation,
        string Form,
        GradCheckVerdict Verdict,
        long Elements,
        double? WorstErrorOverBound,
        string Report);
}
