using CudaViT.Core;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Reports.Evaluations;

/// <summary>
/// Leaves the page of a fine-tuning run when it ends, and passes on what it is told. A page that cannot be written is a
/// note: all else is there.
/// </summary>
/// <param name="inner">Is told everything.</param>
/// <param name="folder">The folder of the run.</param>
public sealed class FineTuneReporter(IFineTuneProgress inner, RunFolder folder) : IFineTuneProgress
{
    /// <inheritdoc/>
    public void OnNote(string line) => inner.OnNote(line);

    /// <inheritdoc/>
    public void OnStart(FineTuneOverview overview) => inner.OnStart(overview);

    /// <inheritdoc/>
    public void OnReady() => inner.OnReady();

    /// <inheritdoc/>
    public void OnStep(FineTuneStepMetrics step) => inner.OnStep(step);

    /// <inheritdoc/>
    public void OnEvaluation(FineTuneEvaluation evaluation) => inner.OnEvaluation(evaluation);

    /// <inheritdoc/>
    public void OnWork(string what, long done, long total) => inner.OnWork(what, done, total);

    /// <inheritdoc/>
    public void OnCheckpoint() => inner.OnCheckpoint();

    /// <inheritdoc/>
    public void OnFailure() => inner.OnFailure();

    /// <inheritdoc/>
    public void OnReport(FineTuneReport report)
    {
        inner.OnReport(report);
        try
        {
            folder.WriteReport(FineTunePage.Of(report, folder.MetricsPath).Draw());
        }
        catch (InputException e)
        {
            inner.OnNote($"the report could not be written: {e.Message}");
        }
    }

    /// <inheritdoc/>
    public void OnEnd(bool isComplete) => inner.OnEnd(isComplete);
}
