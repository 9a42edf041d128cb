using System.Diagnostics;
using CudaViT.Core;
using Spectre.Console;

namespace CudaViT.Cli.Output;

/// <summary>Progress of a long piece of work: a bar at a terminal, a line every ten seconds in files and pipes.</summary>
internal sealed class WorkProgress : IWorkProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Action<string> _line;
    private readonly Action<double, string> _advance;
    private readonly long _start = Stopwatch.GetTimestamp();

    private WorkProgress(Action<string> line, Action<double, string> advance) => (_line, _advance) = (line, advance);

    /// <summary>Does the work and shows how far it is.</summary>
    /// <param name="output">Where to show it.</param>
    /// <param name="isSilent">Show nothing: the output is for a script.</param>
    /// <param name="work">The work.</param>
    public static T Show<T>(TextWriter output, bool isSilent, Func<IWorkProgress, T> work)
    {
        if (isSilent)
        {
            return work(new WorkProgress(_ => { }, (_, _) => { }));
        }

        return Console.IsOutputRedirected || output != Console.Out
            ? work(Plain(output))
            : AnsiConsole.Console
                .Progress()
                .AutoClear(true)
                .Columns(new ProgressBarColumn { Width = 24 }, new PercentageColumn(), new TaskDescriptionColumn())
                .Start(context => work(Bar(context)));
    }

    public void OnLine(string line) => _line(RunText.Printable(line));

    public void OnAdvance(double share, string text)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        string left = share > 0 ? $"  left {RunText.Duration(elapsed * ((1 - share) / share))}" : "";
        _advance(share, text + left);
    }

    private static WorkProgress Plain(TextWriter output)
    {
        long last = Stopwatch.GetTimestamp();
        return new WorkProgress(output.WriteLine, (_, text) =>
        {
            if (Stopwatch.GetElapsedTime(last) >= Interval)
            {
                last = Stopwatch.GetTimestamp();
                output.WriteLine(text);
            }
        });
    }

    private static WorkProgress Bar(ProgressContext context)
    {
        ProgressTask bar = context.AddTask("starting", maxValue: 1);
        return new WorkProgress(AnsiConsole.Console.WriteLine, (share, text) =>
        {
            bar.Value = share;
            bar.Description = text.EscapeMarkup();
        });
    }
}
