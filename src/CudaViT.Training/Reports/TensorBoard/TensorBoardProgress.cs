using System.Globalization;
using CudaViT.Training.Optim;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Runs.Pretraining;

namespace CudaViT.Training.Reports.TensorBoard;

/// <summary>
/// Writes what a training run reports for TensorBoard as well, and passes it on. A file that cannot be written is a
/// note and never the end of a run.
/// </summary>
/// <param name="inner">Is told everything.</param>
/// <param name="folder">Folder of the event files; made if need be.</param>
/// <param name="clock">What time it is; null for the machine's.</param>
public sealed class TensorBoardProgress(ITrainingProgress inner, string folder, TimeProvider? clock = null)
    : ITrainingProgress, IDisposable
{
    private EventFile? _file;
    private long _firstStep;

    /// <inheritdoc/>
    public void OnPrepare(RunPreparation preparation) => inner.OnPrepare(preparation);

    /// <inheritdoc/>
    public void OnStart(RunOverview overview)
    {
        ArgumentNullException.ThrowIfNull(overview);
        inner.OnStart(overview);

        // Steps up to here are in the checkpoint that the run goes on from; the evaluation before step 1 comes anew.
        _firstStep = overview.StepsDone == 0 ? 0 : overview.StepsDone + 1;
        Try(() => _file = EventFile.Create(folder, _firstStep, clock ?? TimeProvider.System));
    }

    /// <inheritdoc/>
    public void OnNote(string line) => inner.OnNote(line);

    /// <inheritdoc/>
    public void OnStep(StepMetrics step)
    {
        ArgumentNullException.ThrowIfNull(step);
        inner.OnStep(step);
        Write(step.Step, () =>
        {
            PartNorms norms = step.GradientNorms;
            SummaryMessage summary = new SummaryMessage()
                .Add("loss/contrastive", step.Loss)
                .Add("loss/over_collapse", step.LossOverCollapse)
                .Add("schedule/learning_rate", step.Lr)
                .Add("schedule/momentum", step.Momentum)
                .Add("schedule/epoch", step.Epoch)
                .Add("outputs/std", step.OutputStd)
                .Add("pace/images_per_second", step.Timing.ImagesPerSecond)
                .Add("pace/waiting_share", step.Timing.WaitingShare)
                .Add("pace/milliseconds", step.Timing.Milliseconds)
                .Add("gradient_norm/patch_projection", norms.PatchProjection);
            for (int block = 0; block < norms.Blocks?.Count; block++)
            {
                string tag = string.Create(CultureInfo.InvariantCulture, $"gradient_norm/block_{block:00}");
                summary.Add(tag, norms.Blocks[block]);
            }

            return summary.Add("gradient_norm/heads", norms.Heads).Add("gradient_norm/all", norms.All);
        });
    }

    /// <inheritdoc/>
    public void OnMonitor(MonitorMetrics monitor)
    {
        ArgumentNullException.ThrowIfNull(monitor);
        inner.OnMonitor(monitor);
        Write(monitor.Step, () => new SummaryMessage().Add("knn/monitor", monitor.MonitorAccuracy));
    }

    /// <inheritdoc/>
    public void OnEvaluation(EvaluationMetrics evaluation)
    {
        ArgumentNullException.ThrowIfNull(evaluation);
        inner.OnEvaluation(evaluation);
        Write(evaluation.Step, () => new SummaryMessage()
            .Add("knn/accuracy", evaluation.KnnAccuracy)
            .Add("knn/raw_pixels", evaluation.RawPixelAccuracy));
    }

    /// <inheritdoc/>
    public void OnReady() => inner.OnReady();

    /// <inheritdoc/>
    public void OnWork(string what, long done, long total) => inner.OnWork(what, done, total);

    /// <inheritdoc/>
    public void OnCheckpoint() => inner.OnCheckpoint();

    /// <inheritdoc/>
    public void OnFailure() => inner.OnFailure();

    /// <inheritdoc/>
    public void OnEnd(bool isComplete) => inner.OnEnd(isComplete);

    /// <summary>Writes pictures of the encoder that were made for the report.</summary>
    public void OnPictures(RunPictures pictures)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        if (pictures.Step < _firstStep)
        {
            return; // of the checkpoint that the run goes on from: an earlier file has them
        }

        Write(pictures.Step, () =>
        {
            var summary = new SummaryMessage();
            for (int i = 0; i < pictures.Pairs.Count; i++)
            {
                ViewPair pair = pictures.Pairs[i];
                summary.Add(Tag("views", i), Sheet.Beside(pair.Image, pair.First, pair.Second));
            }

            for (int i = 0; i < pictures.Attention.Count; i++)
            {
                AttentionRow row = pictures.Attention[i];
                summary.Add(Tag("attention", i), Sheet.Beside([row.Image, row.Mean, .. row.Heads]));
            }

            return summary;
        });
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private static string Tag(string kind, int number) =>
        string.Create(CultureInfo.InvariantCulture, $"{kind}/{number + 1}");

    private void Write(long step, Func<SummaryMessage> summary) => Try(() => _file?.Add(step, summary()));

    private void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _file?.Dispose();
            _file = null;
            inner.OnNote($"no more events for TensorBoard: {folder}: {e.Message}");
        }
    }
}
