using System.CommandLine;
using CudaViT.Cli.Doctor;
using CudaViT.Cli.Output;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit doctor</c></summary>
internal static class DoctorCommand
{
    public const string Name = "doctor";

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        ("cudavit doctor", "what this machine has, and what to install for the rest"),
        (
            "CUDAVIT_CUDA_LIB=/opt/cuda-12.4/lib64 cudavit doctor",
            "look for CUDA's libraries in a folder of yours first"),
        ("cudavit doctor --json", "the same for a script"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<bool> json = Options.Json();
        var command = new Command(
            Name,
            "Says which devices work on this machine, which GPU, driver, libraries and compilers were found and where, "
            + "what each missing one would make possible, and what to type to get it. Needs none of them.")
        {
            json,
        };
        command.SetAction(parsed =>
        {
            DoctorReport report = Examination.Run(Machine.Current());
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, report);
            }
            else
            {
                Print(output, report);
            }

            return CommandLine.Success;
        });
        return command;
    }

    private static void Print(TextWriter output, DoctorReport report)
    {
        foreach (DeviceVerdict verdict in report.Verdicts)
        {
            output.WriteLine(
                $"--device {verdict.Device,-16} {(verdict.Works ? "works:" : "does not work:"),-15} {verdict.Text}");
        }

        output.WriteLine(
            $"--device {"auto",-16} {"is",-15} {report.Verdicts.First(verdict => verdict.Works).Device}");
        output.WriteLine();
        foreach (DoctorCheck check in report.Checks)
        {
            string[] facts = [.. new[] { check.Version, check.Path }.OfType<string>()];
            string answer = check.Found ? "found" : "missing";
            output.WriteLine($"{check.Name,-13} {answer,-8} {string.Join("  ", facts)}".TrimEnd());
            Indented(output, check.Found ? "for" : "would allow", check.Enables);
            if (check.Problem is not null)
            {
                Indented(output, "why", check.Problem);
            }

            for (int i = 0; i < check.Tried.Count; i++)
            {
                Indented(output, i == 0 ? "tried" : "", check.Tried[i]);
            }
        }

        PrintCommands(output, report);
    }

    private static void PrintCommands(TextWriter output, DoctorReport report)
    {
        DoctorCheck[] missing = [.. report.Checks.Where(check => !check.Found)];
        if (missing.Length == 0)
        {
            return;
        }

        output.WriteLine();
        output.WriteLine("To type for what is missing:");
        foreach (DoctorCheck check in missing.Where(check => check.Command is not null))
        {
            output.WriteLine($"  {check.Name,-13} {check.Command}");
        }

        string[] others = [.. missing.Where(check => check.Command is null).Select(check => check.Name)];
        if (others.Length > 0)
        {
            output.WriteLine(
                $"  (no command of this machine gets {string.Join(", ", others)}; the reasons are above)");
        }
    }

    private static void Indented(TextWriter output, string label, string text) =>
        output.WriteLine($"{"",-13}   {label,-12} {text}");
}
