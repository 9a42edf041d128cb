using System.Diagnostics;
using CudaViT.Core;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Reports.Runs;

/// <summary>
/// Keeps the report of a run up to date while it trains. A report that cannot be drawn or written is a note, and never
/// the end of a run.
/// </summary>
/// <param name="folder">The folder of the run.</param>
/// <param name="progress">Is given the pictures, and told once what went wrong.</param>
/// <param name="step">Steps that were made.</param>
/// <param name="makePictures">Makes pictures of the encoder as it is.</param>
/// <param name="record">What the run is, at any time.</param>
internal sealed class RunReporter(
    RunFolder folder,
    ITrainingProgress progress,
    Func<long> step,
    Func<RunPictures> makePictures,
    Func<RunRecord> record)
{
    // On the way, reports take at most this share of the time.
    private const double TimeShare = 0.02;

    private long _last = Stopwatch.GetTimestamp();
    private TimeSpan _duration;
    private RunPictures? _pictures;
    private bool _hasFailed;

    /// <summary>Draws the report, unless the last one was drawn a short time ago.</summary>
    public void Update()
    {
        if (Stopwatch.GetElapsedTime(_last) * TimeShare >= _duration)
        {
            Draw();
        }
    }

    /// <summary>
    /// Draws the report: at the end, and before the first step, so that views can be looked at before days of training.
    /// </summary>
    public void Draw()
    {
        long start = Stopwatch.GetTimestamp();
        Try(() =>
        {
            folder.WriteRecord(record());
            (RunPictures? pictures, string reason) = Pictures();
            RunReport.Write(folder, pictures, reason);
        });
        (_last, _duration) = (Stopwatch.GetTimestamp(), Stopwatch.GetElapsedTime(start));
    }

    /// <summary>Draws what the files tell of a run that ended in an error.</summary>
    public void Fail() => Try(() => RunReport.Write(
        folder,
        pictures: null,
        "The run ended in an error. Draw the report again to see pictures of its newest checkpoint: cudavit report."));

    private (RunPictures? Pictures, string Reason) Pictures()
    {
        try
        {
            if (_pictures?.Step != step())
            {
                _pictures = makePictures();
                progress.OnPictures(_pictures);
            }

            return (_pictures, "");
        }
        catch (Exception e) when (e is InputException or DeviceMemoryException)
        {
            return (null, $"There are no pictures: {e.Message}");
        }
    }

    private void Try(Action write)
    {
        try
        {
            write();
        }
#pragma warning disable CA1031 // Days of training are worth more than a page.
        catch (Exception e)
#pragma warning restore CA1031
        {
            if (!_hasFailed)
            {
                progress.OnNote($"the report could not be written: {e.Message}");
            }

            _hasFailed = true;
        }
    }
}
