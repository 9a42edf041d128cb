using System.Diagnostics;
using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Reports.Evaluations;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>
/// A fine-tuning run from its first step to its last, or on from a checkpoint. A run that was stopped or killed and
/// resumed ends in the same bits as one that was not.
/// </summary>
public sealed class FineTuner
{
    private readonly FineTuneSettings _settings;
    private readonly RunFolder _folder;
    private readonly IBackend _backend;
    private readonly IWorkProgress _progress;
    private readonly DatasetSplits _data;
    private readonly FineTuneLearner _learner;
    private readonly ClassifierJudge _judge;
    private readonly RunCheckpoints _checkpoints;
    private readonly FineTuneFiles _files;
    private readonly int _stepsPerEpoch;
    private readonly List<FineTuneEvaluation> _history = []; // of all processes of the run

    private long _step;          // done
    private double? _accuracy;   // at _step, if it was measured there
    private double? _bestAccuracy;
    private (Tally Weights, Tally? Average)? _tallies; // of the last evaluation of this process

    /// <summary>Opens the data and builds the model. Writes nothing yet.</summary>
    /// <param name="settings">Resolved settings.</param>
    /// <param name="folder">Where results go.</param>
    /// <param name="backend">Device to train on.</param>
    /// <param name="progress">Is told what happens.</param>
    /// <param name="decoder">Decodes image files; null if the data are none.</param>
    /// <exception cref="InputException">Settings or data cannot be used.</exception>
    public FineTuner(
        FineTuneSettings settings,
        RunFolder folder,
        IBackend backend,
        IWorkProgress progress,
        IImageDecoder? decoder = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(progress);
        (_settings, _folder, _backend, _progress) = (settings, folder, backend, progress);
        _data = DatasetLocator.Open(settings.Data.Path, settings.Data.Limit, decoder, settings.Data.ScaledDecoding);
        RequireUsable();
        _stepsPerEpoch = _data.Train.Count / settings.Recipe.Batch;
        _learner = new FineTuneLearner(settings, _data.Train.ClassCount, backend, _data.Train.Normalization);
        _judge = new ClassifierJudge(_learner, _data.HeldOut!, settings);
        _files = new FineTuneFiles(folder, settings, _data);
        var identity = new RunIdentity(
            settings.Seed, settings.Preset, settings.Digest(), _stepsPerEpoch, _data.Train.Name);
        _checkpoints = new RunCheckpoints(folder, settings.Run.KeepCheckpoints, identity, progress.OnLine);
    }

    private long LastStep => (long)_stepsPerEpoch * _settings.Recipe.Epochs;

    private bool IsEvaluationDue => _step == (long)(_history.Count + 1) * _stepsPerEpoch;

    /// <summary>What is about to be trained, in a few lines.</summary>
    public IEnumerable<string> Heading()
    {
        FineTuneRecipe recipe = _settings.Recipe;
        string steps = FormattableString.Invariant($"{recipe.Epochs} epochs of {_stepsPerEpoch} steps of {recipe.Batch} images");
        yield return $"{_settings.Preset}: {_data.Train.Name}, from {_settings.Checkpoint}";
        yield return FormattableString.Invariant(
            $"{_data.Train.Count} images of {_data.Train.ClassCount} classes to train on, {_data.HeldOut!.Count} held out");
        yield return FormattableString.Invariant(
            $"{_learner.Model.TrainableParameterCount:n0} parameters, on {_backend.Name} in {_settings.Dtype}");
        yield return $"{steps}; results in {_folder.Path}";
    }

    /// <summary>Trains until the last step, or until asked to stop.</summary>
    /// <param name="resume">Go on where the folder's newest whole checkpoint is, if there is one.</param>
    /// <param name="stop">Asks to finish the step, write a checkpoint and return.</param>
    /// <exception cref="InputException">
    /// The run cannot begin, go on or finish: the folder is in use, a disk is full, the loss is not finite. Checkpoints
    /// written before are untouched.
    /// </exception>
    public FineTuneResult Run(bool resume, CancellationToken stop)
    {
        using IDisposable owner = _folder.Own();
        int evaluations = Begin(resume);
        using MetricsLog metrics = MetricsLog.Resume(_folder.MetricsPath, _step, evaluations + 1);
        _history.AddRange(FineTuneFiles.ReadHistory(_folder.MetricsPath));
        Evaluate(metrics, stop);
        if (_step > 0 && IsCheckpointDue())
        {
            Save(metrics); // of an evaluation that an earlier process was stopped before
        }

        using (BatchFeed feed = OpenFeed())
        {
            while (_step < LastStep && !stop.IsCancellationRequested)
            {
                Step(feed, metrics);
                Evaluate(metrics, stop);
                if (IsCheckpointDue())
                {
                    Save(metrics);
                }
            }
        }

        Save(metrics);
        bool isComplete = _step == LastStep && !IsEvaluationDue;
        FineTuneReport? report = isComplete ? Finish() : null;
        if ((report ?? SoFar()) is { } known)
        {
            Draw(known);
        }

        _checkpoints.NoteDamaged(_data.Train);
        _checkpoints.NoteDamaged(_data.HeldOut!);
        return new FineTuneResult(_step, report);
    }

    private void RequireUsable()
    {
        KnnEvaluation.RequirePossible(_data);
        (int mine, int theirs) = (_settings.Pretraining.Model.Channels, _data.Train.Channels);
        if (mine != theirs)
        {
            throw new RunException(
                $"{_data.Train.Name}: the images have {theirs} channels, but the model of {_settings.Checkpoint} takes "
                + $"{mine}; expected the same; choose other images.");
        }

        if (_data.Train.Count < _settings.Recipe.Batch)
        {
            throw new RunException(
                $"{_data.Train.Name}: {_data.Train.Count} images are fewer than one batch of {_settings.Recipe.Batch}; "
                + $"expected at least one batch; use --batch {_data.Train.Count} or less, or more images.");
        }
    }

    // Returns the number of evaluations done before.
    private int Begin(bool resume)
    {
        Checkpoint? checkpoint = _checkpoints.Begin(resume);
        if (checkpoint is null)
        {
            RequireCheckpoint(out string path);
            _learner.Start(path);
        }
        else
        {
            using var scope = new StepScope();
            _learner.Load(checkpoint.Read(_backend));
            _step = checkpoint.Info.Step;
            (_accuracy, _bestAccuracy) = (checkpoint.Info.Accuracy, checkpoint.Info.BestAccuracy);
        }

        _folder.WriteSettings(_settings);
        return checkpoint?.Info.Evaluations ?? 0;
    }

    // The settings know the file's content, not only its name.
    private void RequireCheckpoint(out string path)
    {
        path = _settings.Checkpoint ?? throw new RunException(
            $"{_folder.SettingsPath}: no encoder is named; expected a file to start from; name it with --checkpoint.");
        if (!File.Exists(path))
        {
            throw new RunException(
                $"{path}: there is no such file; expected the encoder to start from; correct --checkpoint.");
        }

        if (_settings.CheckpointSha256 is { } expected && FileDigest.Of(path) != expected)
        {
            throw new RunException(
                $"{path}: this is not the file that the run was begun with (its SHA-256 is not {expected}); expected the "
                + "same encoder; name it with --checkpoint, or start a new run in another folder.");
        }
    }

    private BatchFeed OpenFeed() => BatchFeed.Of(
        _data.Train,
        _settings.Views.ToViews(_settings.Pretraining.Model.ImageSize, _data.Train.Normalization),
        new DataLoaderSettings
        {
            BatchSize = _settings.Recipe.Batch,
            Repeats = _settings.Views.Repeats,
            Seed = _settings.Seed,
            Epochs = _settings.Recipe.Epochs,
            ShuffleBuffer = _settings.Data.ShuffleBuffer,
            Workers = _settings.Run.Workers,
            StartEpoch = (int)(_step / _stepsPerEpoch),
            StartIteration = (int)(_step % _stepsPerEpoch),
        },
        _learner.Input,
        _backend);

    private void Step(BatchFeed feed, MetricsLog metrics)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan waitedBefore = feed.TimeWaited;
        if (!feed.TryNext(out DeviceBatch? batch))
        {
            throw new InvalidOperationException($"The data ended after step {_step} of {LastStep}.");
        }

        FineTuneOutcome outcome = _learner.Step(batch, _step, feed.SendAhead);

        _step++;
        _accuracy = null;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        var timing = new StepTiming(
            elapsed.TotalMilliseconds,
            _settings.Recipe.Batch / elapsed.TotalSeconds,
            (feed.TimeWaited - waitedBefore) / elapsed);
        metrics.Write(new FineTuneStepMetrics(
            _step,
            (double)_step / _stepsPerEpoch,
            outcome.Loss,
            outcome.Lr,
            outcome.GradientNorm,
            outcome.OwnWeight,
            timing));
        string place = FormattableString.Invariant($"step {_step}/{LastStep}  epoch {(double)_step / _stepsPerEpoch:f2}");
        string speed = FormattableString.Invariant(
            $"{timing.ImagesPerSecond:f0} images/s  waiting {timing.WaitingShare:p0}");
        _progress.OnAdvance(
            (double)_step / LastStep,
            FormattableString.Invariant($"{place}  loss {outcome.Loss:f4}  lr {outcome.Lr:0.00e+0}  {speed}"));
    }

    // Asked to stop, a run leaves an evaluation that is due for later: its checkpoint knows.
    private void Evaluate(MetricsLog metrics, CancellationToken stop)
    {
        if (!IsEvaluationDue || stop.IsCancellationRequested)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        (Tally weights, Tally? average) = (_tallies = _judge.Judge()).Value;
        var line = new FineTuneEvaluation(
            _step,
            _history.Count + 1,
            weights.Top1,
            weights.Top5,
            average?.Top1,
            average?.Top5,
            new EvaluationTiming(Stopwatch.GetElapsedTime(start).TotalSeconds));
        _history.Add(line);
        _accuracy = weights.Top1;
        _bestAccuracy = Math.Max(_bestAccuracy ?? 0, weights.Top1);
        metrics.Write(line);
        string ofAverage = average is null
            ? ""
            : FormattableString.Invariant($"   average top-1 {average.Top1:f4}  top-5 {average.Top5:f4}");
        string scores = FormattableString.Invariant($"top-1 {weights.Top1:f4}  top-5 {weights.Top5:f4}{ofAverage}");
        _progress.OnLine(FormattableString.Invariant(
            $"after epoch {line.Evaluation,-4} {scores}   ({line.Timing.Seconds:f1} s)"));
    }

    private FineTuneReport Finish()
    {
        (Tally weights, Tally? average) = _tallies ?? _judge.Judge(); // an earlier process made the last evaluation
        FineTuneReport report = _files.Report(_history, weights, average);
        _files.Write(report, _learner);
        return report;
    }

    // Of a run that was asked to stop: what the newest evaluation of this process came to, if it made any.
    private FineTuneReport? SoFar() =>
        _tallies is { } tallies ? _files.Report(_history, tallies.Weights, tallies.Average) : null;

    private void Draw(FineTuneReport report)
    {
        try
        {
            _folder.WriteReport(FineTunePage.Of(report, _folder.MetricsPath).Draw());
        }
        catch (InputException e)
        {
            _progress.OnLine($"the report could not be written: {e.Message}"); // all else is there
        }
    }

    private bool IsCheckpointDue() => _checkpoints.IsDue(_step, _settings.Run.CheckpointEvery);

    private void Save(MetricsLog metrics)
    {
        using var scope = new StepScope();
        _checkpoints.Save(
            new RunPosition(_step, _history.Count, _accuracy, _bestAccuracy),
            _learner.State,
            _files.Metadata(),
            metrics);
    }
}

/// <summary>How a fine-tuning run ended.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Report">
/// The result; null when it was asked to stop before its last step: it can go on from its checkpoint.
/// </param>
public sealed record FineTuneResult(long Step, FineTuneReport? Report);
