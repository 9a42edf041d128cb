using System.Diagnostics;
using CudaViT.Core;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Reports.Runs;

/// <summary>
/// Keeps the report of a run up to date while it trains, and passes on what it is told. A report that cannot be drawn
/// or written is a note, and never the end of a run.
/// </summary>
/// <param name="inner">Is told everything, and once what went wrong.</param>
/// <param name="folder">The folder of the run.</param>
/// <param name="onPictures">Gets the pictures of each report; null for nobody.</param>
public sealed class RunReporter(ITrainingProgress inner, RunFolder folder, Action<RunPictures>? onPictures = null)
    : ITrainingProgress
{
    // On the way, reports take at most this share of the time.
    private const double TimeShare = 0.02;

    private RunOverview? _overview;
    private long _step; // done
    private long _last = Stopwatch.GetTimestamp();
    private TimeSpan _duration;
    private RunPictures? _pictures; // of the encoder; before it was trained there are views alone
    private bool _hasNews;
    private bool _hasFailed;

    /// <inheritdoc/>
    public void OnPrepare(RunPreparation preparation) => inner.OnPrepare(preparation);

    /// <inheritdoc/>
    public void OnStart(RunOverview overview)
    {
        ArgumentNullException.ThrowIfNull(overview);
        (_overview, _step) = (overview, overview.StepsDone);
        _hasNews = !File.Exists(folder.ReportPath);
        inner.OnStart(overview);
    }

    /// <inheritdoc/>
    public void OnNote(string line) => inner.OnNote(line);

    /// <summary>
    /// Draws the report before the first step, with views alone: they can be looked at before days of training, and
    /// training does not wait for pictures of an encoder that has not begun.
    /// </summary>
    public void OnReady()
    {
        inner.OnReady();
        _hasNews = true;
        Draw(viewsOnly: true);
    }

    /// <inheritdoc/>
    public void OnStep(StepMetrics step)
    {
        ArgumentNullException.ThrowIfNull(step);
        _step = step.Step;
        inner.OnStep(step);
    }

    /// <inheritdoc/>
    public void OnMonitor(MonitorMetrics monitor) => inner.OnMonitor(monitor);

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationMetrics evaluation) => inner.OnEvaluation(evaluation);

    /// <inheritdoc/>
    public void OnWork(string what, long done, long total) => inner.OnWork(what, done, total);

    /// <summary>Draws the report, unless the last one with pictures was drawn a short time ago.</summary>
    public void OnCheckpoint()
    {
        inner.OnCheckpoint();
        if (_pictures is null || Stopwatch.GetElapsedTime(_last) * TimeShare >= _duration)
        {
            Draw();
        }
    }

    /// <summary>Draws what the files tell of a run that ended in an error.</summary>
    public void OnFailure()
    {
        inner.OnFailure();
        Try(() => RunReport.Write(
            folder,
            pictures: null,
            "The run ended in an error. Draw the report again to see pictures of its newest checkpoint: "
                + "cudavit report."));
    }

    /// <summary>
    /// Draws the report of a run that came to its end, or was asked to stop; of a run that was complete already, the
    /// one that it left stays.
    /// </summary>
    public void OnEnd(bool isComplete)
    {
        inner.OnEnd(isComplete);
        if (_hasNews)
        {
            Draw();
        }
    }

    private void Draw(bool viewsOnly = false)
    {
        long start = Stopwatch.GetTimestamp();
        Try(() =>
        {
            folder.WriteRecord(_overview!.ToRecord());
            (RunPictures? pictures, string reason) = viewsOnly ? Views(_overview) : Pictures(_overview);
            RunReport.Write(folder, pictures, reason);
        });
        (_last, _duration) = (Stopwatch.GetTimestamp(), Stopwatch.GetElapsedTime(start));
    }

    private (RunPictures? Pictures, string Reason) Views(RunOverview run) => Try(
        () =>
        {
            RunPictures views = PictureMaker.Views(run.Settings, run.Images, _step);
            onPictures?.Invoke(views);
            return views;
        },
        "Pictures of the encoder are made at the first checkpoint.");

    private (RunPictures? Pictures, string Reason) Pictures(RunOverview run) => Try(
        () =>
        {
            if (_pictures?.Step != _step)
            {
                _pictures = PictureMaker.Make(
                    run.Encoder, run.Settings, run.Images, run.Backend, _step, new WorkWatch(inner.OnWork, default));
                onPictures?.Invoke(_pictures);
            }

            return _pictures;
        },
        "");

    private static (RunPictures? Pictures, string Reason) Try(Func<RunPictures> make, string reason)
    {
        try
        {
            return (make(), reason);
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
                inner.OnNote($"the report could not be written: {e.Message}");
            }

            _hasFailed = true;
        }
    }
}
