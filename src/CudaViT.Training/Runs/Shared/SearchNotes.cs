using System.Diagnostics;
using CudaViT.Core;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// Tells of a search through many files by a line now and then: what a run has to show before its first step. The first
/// comes soon, for a screen that stays empty looks like a program that hangs.
/// </summary>
/// <param name="note">Gets the lines.</param>
public sealed class SearchNotes(Action<string> note) : IWorkProgress
{
    private long _last = Stopwatch.GetTimestamp();
    private TimeSpan _interval = TimeSpan.FromSeconds(1.5);

    /// <inheritdoc/>
    public void OnLine(string line) => note(line);

    /// <inheritdoc/>
    public void OnAdvance(double share, string text)
    {
        if (Stopwatch.GetElapsedTime(_last) >= _interval)
        {
            (_last, _interval) = (Stopwatch.GetTimestamp(), TimeSpan.FromSeconds(10));
            note(text);
        }
    }
}
