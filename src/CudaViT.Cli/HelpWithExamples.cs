using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using CudaViT.Cli.Commands;

namespace CudaViT.Cli;

/// <summary>The usual help, then examples to copy.</summary>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        usual.Invoke(parseResult);
        TextWriter output = parseResult.InvocationConfiguration.Output;
        output.WriteLine("Examples:");
        foreach ((string command, string meaning) in Examples(parseResult.CommandResult.Command.Name))
        {
            output.WriteLine($"  {command}");
            output.WriteLine($"      {meaning}");
        }

        return CommandLine.Success;
    }

    private static (string Command, string Meaning)[] Examples(string command) => command switch
    {
        TrainCommand.Name => TrainCommand.Examples,
        ReportCommand.Name => ReportCommand.Examples,
        KnnCommand.Name => KnnCommand.Examples,
        LinearCommand.Name => LinearCommand.Examples,
        FineTuneCommand.Name => FineTuneCommand.Examples,
        FeaturesCommand.Name => FeaturesCommand.Examples,
        ImportCommand.Name => ImportCommand.Examples,
        ExportCommand.Name => ExportCommand.Examples,
        BenchCommand.Name => BenchCommand.Examples,
        GradcheckCommand.Name => GradcheckCommand.Examples,
        DoctorCommand.Name => DoctorCommand.Examples,
        KernelsCommand.Name => KernelsCommand.Examples,
        SettingsCommand.Name => SettingsCommand.Examples,
        _ =>
        [
            ("cudavit train", "learn from the images shipped with the program, in minutes"),
            ("cudavit train --help", "what can be set"),
        ],
    };
}
