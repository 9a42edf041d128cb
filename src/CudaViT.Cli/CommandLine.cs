using System.CommandLine;
using System.CommandLine.Help;
using CudaViT.Cli.Commands;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Cli;

/// <summary>
/// The program <c>cudavit</c>: finds the command, runs it, and turns every error into one line and a status.
/// </summary>
internal static class CommandLine
{
    /// <summary>Everything was done.</summary>
    public const int Success = 0;

    /// <summary>What was asked for could not be done.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong.</summary>
    public const int UsageError = 2;

    private const string DebugVariable = "CUDAVIT_DEBUG";

    /// <summary>Runs the program.</summary>
    /// <param name="args">Arguments without the program's name.</param>
    /// <param name="output">Gets results and progress.</param>
    /// <param name="error">Gets at most one line, when the status is not 0.</param>
    /// <returns>Exit status.</returns>
    public static int Run(string[] args, TextWriter output, TextWriter error)
    {
        ParseResult parsed = Root(output).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            return Fail(error, UsageError, Explain(parsed));
        }

        try
        {
            return parsed.Invoke(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null, // commands that have something to save listen to signals themselves
                Output = output,
                Error = error,
            });
        }
        catch (Exception e) when (Environment.GetEnvironmentVariable(DebugVariable) == "1")
        {
            error.WriteLine(e);
            return e is UsageException ? UsageError : Failure;
        }
        catch (UsageException e)
        {
            return Fail(error, UsageError, e.Message);
        }
        catch (OperationCanceledException)
        {
            return Fail(error, Failure, "stopped before the first step; nothing was written");
        }
        catch (KernelCompilationException e)
        {
            error.WriteLine($"cudavit: {e.Message}"); // the compiler's log is worth its lines
            return Failure;
        }
        catch (Exception e) when (
            e is InputException or DeviceMemoryException or AnomalyException or GradCheckException or GpuException)
        {
            return Fail(error, Failure, e.Message);
        }
        catch (OutOfMemoryException)
        {
            return Fail(
                error, Failure, "no memory is left, and it was not an array of the device that was too large; use a "
                    + "smaller batch or image size, fewer --workers, or free some memory");
        }
#pragma warning disable CA1031 // The last resort of a program that people talk to: a line, not a stack trace.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return Fail(
                error, Failure, $"unexpected {e.GetType().Name}: {e.Message}; this is a bug; "
                    + $"set {DebugVariable}=1 to see where");
        }
    }

    private static RootCommand Root(TextWriter output)
    {
        var root = new RootCommand("Trains Vision Transformers without labels: MoCo v3 on a tensor engine of its own.")
        {
            TrainCommand.Create(output),
            ReportCommand.Create(output),
            KnnCommand.Create(output),
            LinearCommand.Create(output),
            FineTuneCommand.Create(output),
            FeaturesCommand.Create(output),
            ImportCommand.Create(output),
            ExportCommand.Create(output),
            BenchCommand.Create(output),
            GradcheckCommand.Create(output),
            DoctorCommand.Create(output),
            KernelsCommand.Create(output),
            SettingsCommand.Create(output),
        };
        HelpOption help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        return root;
    }

    // The first error says what to correct; those after it are often its consequences.
    private static string Explain(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string message = parsed.UnmatchedTokens is [string unknown, ..]
            ? $"'{unknown}' is unknown{Spelling.Suggestion(unknown, Known(command))}; expected {Expected(command)}"
            : parsed.Errors[0].Message.TrimEnd('.');
        return $"{message}; see cudavit {(command is RootCommand ? "" : command.Name + " ")}--help";
    }

    private static IEnumerable<string> Known(Command command) => command.Subcommands.Count > 0
        ? command.Subcommands.Select(sub => sub.Name)
        : command.Options.Select(option => option.Name);

    private static string Expected(Command command) =>
        $"one of the {(command.Subcommands.Count > 0 ? "commands" : "options")} {string.Join(", ", Known(command))}";

    private static int Fail(TextWriter error, int status, string message)
    {
        error.WriteLine($"cudavit: {RunText.Printable(message)}");
        return status;
    }
}

/// <summary>The command line asks for something that there is not. Ends the program with status 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
