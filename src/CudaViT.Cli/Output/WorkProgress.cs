using System.Diagnostics;
using CudaViT.Core;
using Spectre.Console;

namespace CudaViT.Cli.Output;

/// <summary>
/// Progress of a long piece of work: a bar at a terminal, a line every ten seconds in files and pipes.
/// </summary>
internal sealed class WorkProgress : IWorkProgress
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Action<string> _line;
    private readonly Action<double, string, string> _advance; // share, text, time left
    private readonly TimeLeft _left = new();

    private WorkProgress(Action<string> line, Action<double, string, string> advance) =>
        (_line, _advance) = (line, advance);

    /// <summary>Does the work and shows how far it is.</summary>
    /// <param name="output">Where to show it.</param>
    /// <param name="isSilent">Show nothing: the output is for a script.</param>
    /// <param name="work">The work.</param>
    public static T Show<T>(TextWriter output, bool isSilent, Func<IWorkProgress, T> work) =>
        isSilent ? work(new WorkProgress(_ => { }, (_, _, _) => { }))
        : Terminal.Is(output) ? Terminal.WithBar(AnsiConsole.Console, context => work(Bar(context)))
        : work(Plain(output));

    public void OnLine(string line) => _line(RunText.Printable(line));

    public void OnAdvance(double share, string text)
    {
        TimeSpan? left = _left.After(share, Stopwatch.GetTimestamp());
        _advance(share, text, left is { } time ? $"left {RunText.Duration(time)}" : "");
    }

    private static WorkProgress Plain(TextWriter output)
    {
        long last = Stopwatch.GetTimestamp();
        return new WorkProgress(output.WriteLine, (_, text, left) =>
        {
            if (Stopwatch.GetElapsedTime(last) >= Interval)
            {
                last = Stopwatch.GetTimestamp();
                output.WriteLine($"{text}  {left}".TrimEnd());
            }
        });
    }

    private static WorkProgress Bar(ProgressContext context)
    {
        ProgressTask bar = context.AddTask("starting", maxValue: 1);
        return new WorkProgress(AnsiConsole.Console.WriteLine, (share, text, left) =>
        {
            bar.Value = share;
            bar.Description = Fit(text, left, Terminal.TextWidth(AnsiConsole.Console)).EscapeMarkup();
        });
    }

    /// <summary>A text whose fields stand two spaces apart, and the time left, in at most so many columns.</summary>
    internal static string Fit(string text, string left, int width)
    {
        var line = new ProgressLine();
        foreach ((int index, string field) in text.Split("  ", StringSplitOptions.RemoveEmptyEntries).Index())
        {
            line.Add(index, field);
        }

        return line.Add(rank: 0, left).Fit(width);
    }
}

/// <summary>How long some work will still take, at the pace of its last half minute.</summary>
internal sealed class TimeLeft
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(30);

    private readonly Queue<(long Time, double Share)> _samples = new();

    /// <summary>
    /// Takes note of how far the work is, and says how long the rest will take; null before that shows.
    /// </summary>
    /// <param name="share">From 0 to 1; less than before where other work begins.</param>
    /// <param name="timestamp">Now, as <see cref="Stopwatch"/> counts.</param>
    public TimeSpan? After(double share, long timestamp)
    {
        if (_samples.Count > 0 && share < _samples.Last().Share)
        {
            _samples.Clear();
        }

        _samples.Enqueue((timestamp, share));
        while (_samples.Count > 2 && Stopwatch.GetElapsedTime(_samples.ElementAt(1).Time, timestamp) >= Window)
        {
            _samples.Dequeue();
        }

        (long time, double before) = _samples.Peek();
        return share > before ? Stopwatch.GetElapsedTime(time, timestamp) * ((1 - share) / (share - before)) : null;
    }
}
