using System.Diagnostics;
using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Features;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Reports.Pictures;
using CudaViT.Training.Reports.Runs;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>
/// A training run from its first step to its last, or on from a checkpoint: data, steps, metrics, evaluations,
/// checkpoints. A run that was stopped or killed and resumed ends in the same bits as one that was not.
/// </summary>
public sealed class Trainer
{
    private readonly TrainSettings _settings;
    private readonly RunFolder _folder;
    private readonly IBackend _backend;
    private readonly ITrainingProgress _progress;
    private readonly DatasetSplits _data;
    private readonly Learner _learner;
    private readonly RunCheckpoints _checkpoints;
    private readonly KnnEvaluation? _evaluation;
    private readonly KnnMonitor? _monitor;
    private readonly RunReporter _reporter;
    private readonly List<EvaluationMetrics> _evaluations = [];
    private readonly int _stepsPerEpoch;

    private long _step;              // done
    private int _evaluationCount;    // done, in all processes of the run
    private double? _accuracy;       // at _step, if it was measured there
    private double? _bestAccuracy;
    private double? _rawPixelAccuracy;

    /// <summary>Opens the data and builds the model. Writes nothing yet.</summary>
    /// <param name="settings">Settings; the number of channels is taken from the data.</param>
    /// <param name="folder">Where results go.</param>
    /// <param name="backend">Device to train on.</param>
    /// <param name="progress">Is told what happens.</param>
    /// <param name="decoder">Decodes image files; null if the data are none.</param>
    /// <exception cref="InputException">Settings or data cannot be used.</exception>
    public Trainer(
        TrainSettings settings,
        RunFolder folder,
        IBackend backend,
        ITrainingProgress progress,
        IImageDecoder? decoder = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(folder);
        (_folder, _backend, _progress) = (folder, backend, progress);
        _data = DatasetLocator.Open(
            settings.Data.Path, settings.Data.Limit, decoder, settings.Data.ScaledDecoding);
        _settings = settings with { Model = settings.Model with { Channels = _data.Train.Channels } };
        _stepsPerEpoch = _data.Train.Count / settings.Recipe.Batch;
        if (_stepsPerEpoch == 0)
        {
            throw new RunException(
                $"{_data.Train.Name}: {_data.Train.Count} images are fewer than one batch of {settings.Recipe.Batch}; "
                + $"expected at least one batch; use --batch {_data.Train.Count} or less, or more images.");
        }

        BatchFeed.Require(_data.Train, _settings, backend);
        _learner = new Learner(_settings, backend, _data.Train.Normalization);
        var identity = new RunIdentity(
            _settings.Seed, _settings.Preset, _settings.Digest(), _stepsPerEpoch, _data.Train.Name);
        _checkpoints = new RunCheckpoints(folder, settings.Run.KeepCheckpoints, identity, progress.OnNote);
        _evaluation = KnnEvaluation.IsPossible(_data)
            ? new KnnEvaluation(_data, backend, _settings.Model.ImageSize, _settings.Evaluation.Batch)
            : null;
        _monitor = _evaluation is not null && _settings.Evaluation.MonitorEvery is not null
            ? new KnnMonitor(
                _data,
                backend,
                _settings.Evaluation,
                _settings.Model.ImageSize,
                _learner.Model.BaseEncoder.FeatureWidth,
                _settings.ParameterType)
            : null;
        _reporter = new RunReporter(
            folder,
            progress,
            () => _step,
            () => PictureMaker.Make(_learner.Model.BaseEncoder, _settings, _data, backend, _step),
            () => RunRecord.Of(Overview(), _data));
    }

    private long LastStep => (long)_stepsPerEpoch * _settings.Recipe.Epochs;

    // Evaluation n follows the last step of epoch n − 1.
    private bool IsEvaluationDue => _evaluation is not null && _step == (long)_evaluationCount * _stepsPerEpoch;

    /// <summary>Trains until the last step, or until asked to stop.</summary>
    /// <param name="resume">Go on where the folder's newest whole checkpoint is, if there is one.</param>
    /// <param name="stop">Asks to finish the step, write a checkpoint and return.</param>
    /// <exception cref="InputException">
    /// The run cannot begin, go on or finish: the folder is in use, a disk is full, the loss is not finite. Checkpoints
    /// written before are untouched.
    /// </exception>
    public TrainingResult Run(bool resume, CancellationToken stop)
    {
        using IDisposable owner = _folder.Own();
        Begin(resume);
        using MetricsLog metrics = MetricsLog.Resume(_folder.MetricsPath, _step, _evaluationCount);
        _progress.OnStart(Overview());
        try
        {
            return Train(metrics, stop);
        }
        catch (Exception e) when (e is InputException or AnomalyException)
        {
            _reporter.Fail();
            throw;
        }
    }

    private TrainingResult Train(MetricsLog metrics, CancellationToken stop)
    {
        if (_evaluation is null)
        {
            _progress.OnNote($"{_data.Train.Name}: no labels or nothing held out, so there is no kNN accuracy");
        }

        using (BatchFeed feed = OpenFeed()) // which makes the first batches during the first evaluation
        {
            Evaluate(metrics, stop);
            if (_step > 0 && IsCheckpointDue())
            {
                Save(metrics); // of an evaluation that an earlier process was stopped before
            }

            _reporter.Draw();
            while (_step < LastStep && !stop.IsCancellationRequested)
            {
                Step(feed, metrics);
                Monitor(metrics);
                Evaluate(metrics, stop);
                if (IsCheckpointDue())
                {
                    Save(metrics);
                    _reporter.Update();
                }
            }
        }

        bool isComplete = _step == LastStep && !IsEvaluationDue;
        Save(metrics);
        if (isComplete)
        {
            WriteFinal();
        }

        _reporter.Draw();
        _checkpoints.NoteDamaged(_data.Train);
        if (_data.HeldOut is not null)
        {
            _checkpoints.NoteDamaged(_data.HeldOut);
        }

        return new TrainingResult(isComplete, _step, _evaluations);
    }

    private void Begin(bool resume)
    {
        bool isNew = !(resume && _folder.HasRun);
        if (isNew)
        {
            LoadInitialWeights(); // before there is a folder, so that none is left behind by a file that does not fit
        }

        if (_checkpoints.Begin(resume) is { } checkpoint)
        {
            using var scope = new StepScope();
            ILookup<bool, KeyValuePair<string, NdArray>> isMonitor = checkpoint.Read(_backend)
                .ToLookup(pair => pair.Key.StartsWith(FeatureBank.Prefix, StringComparison.Ordinal));
            _learner.Load(isMonitor[false].ToDictionary());
            _monitor?.Bank.Load(isMonitor[true].ToDictionary());
            (_step, _evaluationCount) = (checkpoint.Info.Step, checkpoint.Info.Evaluations);
            (_accuracy, _bestAccuracy) = (checkpoint.Info.Accuracy, checkpoint.Info.BestAccuracy);
        }
        else if (!isNew)
        {
            LoadInitialWeights();
        }

        _folder.WriteSettings(_settings);
    }

    private void LoadInitialWeights()
    {
        if (_settings.Init.Path is not null)
        {
            _progress.OnNote(InitialWeights.Load(_settings.Init, _learner.Model, _backend));
        }
    }

    private RunOverview Overview() => new()
    {
        Folder = _folder.Path,
        Settings = _settings,
        Device = _backend.Name,
        Data = _data.Train.Name,
        TrainImages = _data.Train.Count,
        HeldOutImages = _evaluation is null ? 0 : _data.HeldOut!.Count,
        Parameters = _learner.Model.ParameterCount - _learner.Model.MomentumEncoder.ParameterCount,
        TrainedParameters = _learner.Model.TrainableParameterCount,
        StepsPerEpoch = _stepsPerEpoch,
        StepsDone = _step,
    };

    private BatchFeed OpenFeed() => BatchFeed.OfPairs(
        _data.Train, _settings, _backend, (int)(_step / _stepsPerEpoch), (int)(_step % _stepsPerEpoch));

    private void Step(BatchFeed feed, MetricsLog metrics)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan waitedBefore = feed.TimeWaited;
        if (!feed.TryNext(out DeviceBatch? batch))
        {
            throw new InvalidOperationException($"The data ended after step {_step} of {LastStep}.");
        }

        StepOutcome outcome;
        using (var scope = new StepScope())
        {
            outcome = _learner.Step(
                batch.View(0),
                batch.View(1),
                batch.Epoch + ((double)batch.Iteration / _stepsPerEpoch),
                _monitor is null ? null : features => _monitor.Bank.Add(features, batch.Labels),
                feed.SendAhead);
        }

        _step++;
        _accuracy = null;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(start);
        StepMetrics line = Metrics(outcome, elapsed, feed.TimeWaited - waitedBefore);
        metrics.Write(line);
        _progress.OnStep(line);
    }

    private StepMetrics Metrics(StepOutcome outcome, TimeSpan elapsed, TimeSpan waited)
    {
        // Every similarity equal: −log(1/B) times 2τ, for both directions.
        double collapse = 4 * _settings.Recipe.Temperature * Math.Log(_settings.Recipe.Batch);
        return new StepMetrics
        {
            Step = _step,
            Epoch = (double)_step / _stepsPerEpoch,
            Loss = outcome.Loss,
            CollapseLoss = collapse,
            LossOverCollapse = outcome.Loss / collapse,
            Lr = outcome.Lr,
            Momentum = outcome.Momentum,
            GradientNorms = outcome.GradientNorms,
            OutputStd = outcome.OutputStd,
            Timing = new StepTiming(
                elapsed.TotalMilliseconds, _settings.Recipe.Batch / elapsed.TotalSeconds, waited / elapsed),
        };
    }

    // Part of the step: a run that was asked to stop reads it before it saves.
    private void Monitor(MetricsLog metrics)
    {
        bool isEndOfEpoch = _step % _stepsPerEpoch == 0;
        if (_monitor is null || !(isEndOfEpoch || _step % _settings.Evaluation.MonitorEvery == 0))
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        (double accuracy, int images) = _monitor.Measure(_learner.Features, all: isEndOfEpoch);
        var line = new MonitorMetrics
        {
            Step = _step,
            MonitorAccuracy = accuracy,
            K = _settings.Evaluation.MonitorNeighbours,
            BankRows = _monitor.Bank.Count,
            Images = images,
            Timing = new EvaluationTiming(Stopwatch.GetElapsedTime(start).TotalSeconds),
        };
        metrics.Write(line);
        _progress.OnMonitor(line);
    }

    // Asked to stop, a run leaves an evaluation that is due for later: its checkpoint knows.
    private void Evaluate(MetricsLog metrics, CancellationToken stop)
    {
        if (!IsEvaluationDue || stop.IsCancellationRequested)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        int k = _settings.Evaluation.Neighbours;
        _rawPixelAccuracy ??= _evaluation!.RawPixelAccuracies(k)[0];
        _accuracy = _evaluation!.Accuracies(_learner.Features, k)[0];
        _bestAccuracy = Math.Max(_bestAccuracy ?? 0, _accuracy.Value);
        var line = new EvaluationMetrics
        {
            Step = _step,
            Evaluation = _evaluationCount,
            K = k,
            KnnAccuracy = _accuracy.Value,
            RawPixelAccuracy = _rawPixelAccuracy.Value,
            Timing = new EvaluationTiming(Stopwatch.GetElapsedTime(start).TotalSeconds),
        };
        _evaluationCount++;
        _evaluations.Add(line);
        metrics.Write(line);
        _progress.OnEvaluation(line);
    }

    private bool IsCheckpointDue() => _checkpoints.IsDue(_step, _settings.Run.CheckpointEvery);

    private void Save(MetricsLog metrics)
    {
        using var scope = new StepScope();
        _checkpoints.Save(
            new RunPosition(_step, _evaluationCount, _accuracy, _bestAccuracy),
            () => [.. _learner.State(), .. _monitor?.Bank.State() ?? []],
            Metadata(),
            metrics);
    }

    // Tells `cudavit knn` how to build the network. No path, thread count or date: equal runs write equal bytes.
    private Dictionary<string, string> Metadata() => new()
    {
        [TrainSettings.MetadataKey] = SettingsJson.Write(_settings.ResultOnly()),
    };

    private void WriteFinal()
    {
        using var scope = new StepScope();
        _folder.WriteFinal(_learner.State(), Metadata());
    }
}

/// <summary>How a training run ended.</summary>
/// <param name="IsComplete">
/// False when it was asked to stop before its last step; it can go on from its checkpoint.
/// </param>
/// <param name="Step">Steps done.</param>
/// <param name="Evaluations">All evaluations of this process, in order.</param>
public sealed record TrainingResult(bool IsComplete, long Step, IReadOnlyList<EvaluationMetrics> Evaluations);
