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
        ("CUDAVIT_CUDA_LIB=/opt/cuda-12.4/lib64 cudavit doctor", "look for CUDA's libraries in a folder of yours first"),
        ("cudavit doctor --json", "the same for a script"),
    ];

    public static Command Create(TextWriter output)
    {
        Option<bool> json = Options.Json();
        var command = new Command(
            Name,
            "Says which devices work on this machine, which GPU, driver, libraries and compilers were found and where, "
            + "and what each missing one would make possible. Needs none of them.")
        {
            json,
        };
        command.SetAction(parsed =>
        {
            DoctorReport report = Examination.Run();
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

        output.WriteLine($"--device can be {string.Join(" or ", report.Devices)}");
    }

    private static void Indented(TextWriter output, string label, string text) =>
        output.WriteLine($"{"",-13}   {label,-12} {text}");
}
