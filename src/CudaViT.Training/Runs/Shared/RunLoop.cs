using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// The order of things in a run of any kind, from its first step to its last or on from a checkpoint: begin, feed,
/// step, evaluate, checkpoint, stop, report. A run that was stopped or killed and resumed ends in the same bits as one
/// that was not.
/// </summary>
internal sealed class RunLoop
{
    private readonly IRunKind _kind;
    private readonly RunPlan _plan;
    private readonly IRunProgress _progress;
    private readonly RunFolder? _folder;
    private readonly RunCheckpoints? _checkpoints;

    private RunPosition _position; // done

    /// <summary>Prepares a run. Writes nothing yet.</summary>
    /// <param name="kind">What is trained.</param>
    /// <param name="plan">How long, and what must stay the same.</param>
    /// <param name="folder">Where results go; null to keep nothing.</param>
    /// <param name="progress">Is told what happens.</param>
    public RunLoop(IRunKind kind, RunPlan plan, RunFolder? folder, IRunProgress progress)
    {
        (_kind, _plan, _folder, _progress) = (kind, plan, folder, progress);
        _checkpoints = folder is null
            ? null
            : new RunCheckpoints(
                folder, plan.KeepCheckpoints, plan.Identity, progress.OnNote, plan.LeftOut, plan.CheckpointEvery,
                plan.SharesFolder);
    }

    private long LastStep => (long)_plan.Identity.StepsPerEpoch * _plan.Identity.Epochs;

    // Number n follows the last step of epoch n; 0 is before the first step.
    private int? NextEvaluation => _plan.FirstEvaluation + _position.Evaluations;

    private bool IsEvaluationDue => NextEvaluation is { } number
        && _position.Step == (long)number * _plan.Identity.StepsPerEpoch;

    private bool IsComplete => _position.Step == LastStep && !IsEvaluationDue;

    /// <summary>Trains until the last step, or until asked to stop.</summary>
    /// <param name="resume">Go on where the folder's newest whole checkpoint is, if there is one.</param>
    /// <param name="stop">Asks to finish the step, write a checkpoint and return.</param>
    /// <returns>Where the run is, and whether that is its end.</returns>
    /// <exception cref="InputException">
    /// The run cannot begin, go on or finish: the folder is in use, a disk is full, the loss is not finite. Checkpoints
    /// written before are untouched.
    /// </exception>
    public (bool IsComplete, long Step) Run(bool resume, CancellationToken stop)
    {
        using IDisposable? owner = _folder?.Own();
        Begin(resume);
        using MetricsLog? metrics = _folder?.ResumeMetrics(_position.Step, NextEvaluation ?? 0, _progress.OnNote);
        _kind.Begin(_position, metrics);
        try
        {
            return Train(metrics, stop);
        }
        catch (Exception e) when (e is InputException or AnomalyException)
        {
            _progress.OnFailure();
            throw;
        }
    }

    private void Begin(bool resume)
    {
        bool isNew = !(resume && _folder?.HasRun == true);
        if (isNew)
        {
            _kind.Start();
        }

        if (_checkpoints?.Begin(resume) is { } checkpoint)
        {
            using var scope = new StepScope();
            _kind.Load(checkpoint);
            CheckpointInfo info = checkpoint.Info;
            _position = new RunPosition(info.Step, info.Evaluations, info.Accuracy, info.BestAccuracy);
        }
        else if (!isNew)
        {
            _kind.Start();
        }

        if (_plan.Settings is { } settings)
        {
            _folder?.WriteSettings(settings);
        }
    }

    private (bool IsComplete, long Step) Train(MetricsLog? metrics, CancellationToken stop)
    {
        var watch = new WorkWatch(_progress.OnWork, stop);
        if (IsComplete)
        {
            _progress.OnNote(
                $"nothing is left to do: all {_plan.Identity.Epochs} epochs ({LastStep} steps) are done; "
                + _plan.Onward);
        }
        else
        {
            MakeSteps(metrics, watch, stop);
        }

        Save(metrics);
        bool hasResult = TryEnd(watch, stop);
        _progress.OnEnd(hasResult);
        if (_plan.ListsLeftOut)
        {
            _plan.LeftOut.List(_progress.OnNote);
        }

        return (hasResult, _position.Step);
    }

    private void MakeSteps(MetricsLog? metrics, WorkWatch watch, CancellationToken stop)
    {
        using (_kind.OpenFeed(_position.Step)) // which makes the first batches during the first evaluation
        {
            Evaluate(watch, stop);
            if (_position.Step > 0 && IsCheckpointDue())
            {
                Save(metrics); // of an evaluation that an earlier process was stopped before
            }

            _progress.OnReady();
            while (_position.Step < LastStep && !stop.IsCancellationRequested)
            {
                _kind.Step(_position.Step + 1);
                _position = _position with { Step = _position.Step + 1, Accuracy = null };
                Evaluate(watch, stop);
                if (IsCheckpointDue())
                {
                    Save(metrics);
                    _progress.OnCheckpoint();
                }
            }
        }
    }

    // Where the last evaluation was an earlier process's, the result is judged anew: that may be interrupted, too.
    private bool TryEnd(WorkWatch watch, CancellationToken stop)
    {
        try
        {
            _kind.End(IsComplete, watch);
            return IsComplete;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return false;
        }
    }

    // Asked to stop, a run leaves an evaluation that is due for later: its checkpoint knows.
    private void Evaluate(WorkWatch watch, CancellationToken stop)
    {
        if (!IsEvaluationDue || stop.IsCancellationRequested)
        {
            return;
        }

        try
        {
            double accuracy = _kind.Evaluate(NextEvaluation!.Value, _position.Step, watch);
            _position = _position with
            {
                Evaluations = _position.Evaluations + 1,
                Accuracy = accuracy,
                BestAccuracy = Math.Max(_position.BestAccuracy ?? 0, accuracy),
            };
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It was under way, and is due still.
        }
    }

    private bool IsCheckpointDue() =>
        _position.Step % _plan.Identity.StepsPerEpoch == 0
        || (_plan.CheckpointEvery is { } period && _position.Step % period == 0);

    private void Save(MetricsLog? metrics)
    {
        if (_checkpoints is not null && metrics is not null)
        {
            using var scope = new StepScope();
            _checkpoints.Save(_position, _kind.State, _kind.Metadata(), metrics);
        }
    }
}
