using CudaViT.Core;
using Spectre.Console;

namespace CudaViT.Cli.Output;

/// <summary>Where output goes: to people at a terminal, or to a file or pipe.</summary>
internal static class Terminal
{
    private const int PercentColumns = 4;
    private const int NarrowBar = 12;
    private const int WideBar = 24;
    private const int WideTerminal = 120;

    /// <summary>Whether somebody looks at the output as it is written.</summary>
    public static bool Is(TextWriter output) => !Console.IsOutputRedirected && output == Console.Out;

    /// <summary>Writes lasting lines, above a bar if there is one.</summary>
    /// <param name="output">Where the command writes.</param>
    /// <param name="isJson">Whether that is for a script, so that lines for people go to standard error.</param>
    public static Action<string> Lines(TextWriter output, bool isJson) =>
        isJson ? Console.Error.WriteLine
        : Is(output) ? AnsiConsole.Console.WriteLine
        : output.WriteLine;

    /// <summary>Runs some work under a bar, a percentage and a text.</summary>
    /// <param name="console">The terminal.</param>
    /// <param name="work">The work.</param>
    public static T WithBar<T>(IAnsiConsole console, Func<ProgressContext, T> work) => console
        .Progress()
        .AutoClear(true)
        .Columns(
            new ProgressBarColumn { Width = BarWidth(console) },
            new PercentageColumn(),
            new TaskDescriptionColumn { Alignment = Justify.Left })
        .Start(work);

    /// <summary>Columns for the text behind a bar and its percentage.</summary>
    public static int TextWidth(IAnsiConsole console) =>
        console.Profile.Width - BarWidth(console) - PercentColumns - 4; // a space after each, and one never written to

    private static int BarWidth(IAnsiConsole console) =>
        console.Profile.Width < WideTerminal ? NarrowBar : WideBar;
}
