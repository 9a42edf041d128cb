using CudaViT.Core;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Evaluation.Features;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Methods;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>
/// A pre-training run: a method learns from pairs of views, and the encoder is judged by nearest neighbours. The order
/// of things is <see cref="RunLoop"/>'s.
/// </summary>
public sealed class Trainer : IRunKind
{
    private readonly TrainSettings _settings;
    private readonly RunFolder _folder;
    private readonly IBackend _backend;
    private readonly ITrainingProgress _progress;
    private readonly DatasetSplits _data;
    private readonly IMethodLearner _learner;
    private readonly KnnEvaluation? _evaluation;
    private readonly KnnMonitor? _monitor;
    private readonly LeftOutImages _leftOut;
    private readonly RunLoop _loop;
    private readonly List<EvaluationMetrics> _evaluations = [];
    private readonly int _stepsPerEpoch;

    private MetricsLog? _metrics;
    private BatchFeed? _feed;
    private double? _rawPixelAccuracy;

    /// <summary>Opens the data, tells what they are, and builds the model. Writes nothing yet.</summary>
    /// <param name="settings">Settings; the number of channels is taken from the data.</param>
    /// <param name="folder">Where results go.</param>
    /// <param name="backend">Device to train on.</param>
    /// <param name="progress">Is told what happens.</param>
    /// <param name="decoder">Decodes image files; null if the data are none.</param>
    /// <param name="stop">Asks to give the search for images up.</param>
    /// <exception cref="InputException">Settings or data cannot be used.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop.</exception>
    public Trainer(
        TrainSettings settings,
        RunFolder folder,
        IBackend backend,
        ITrainingProgress progress,
        IImageDecoder? decoder = null,
        CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(progress);
        (_folder, _backend, _progress) = (folder, backend, progress);
        _data = settings.Data.Open(decoder, new SearchNotes(progress.OnNote), stop);
        _settings = settings with { Model = settings.Model with { Channels = _data.Train.Channels } };
        _stepsPerEpoch = _data.Train.Count / settings.Recipe.Batch;
        RunException.RequireBatch(_data.Train, settings.Recipe.Batch, least: 2, settings.Data.Limit);
        BatchFeed.Require(_data.Train, _settings, backend);
        bool isJudged = KnnEvaluation.IsPossible(_data);
        progress.OnPrepare(RunPreparation.Of(_settings, _data, isJudged)); // a large model takes seconds to make
        _learner = PretrainingMethods.Create(_settings, backend, _data.Train.Normalization);
        _evaluation = isJudged
            ? new KnnEvaluation(_data, backend, _settings.Model.ImageSize, _settings.Evaluation.Batch)
            : null;
        _monitor = _evaluation is not null && _settings.Evaluation.MonitorEvery is not null
            ? new KnnMonitor(
                _data,
                backend,
                _settings.Evaluation,
                _settings.Model.ImageSize,
                _learner.Encoder.FeatureWidth,
                _settings.ParameterType)
            : null;
        _leftOut = new LeftOutImages(_data);
        _loop = new RunLoop(this, Plan(), folder, progress);
    }

    /// <summary>Trains until the last step, or until asked to stop.</summary>
    /// <param name="resume">Go on where the folder's newest whole checkpoint is, if there is one.</param>
    /// <param name="stop">Asks to finish the step, write a checkpoint and return.</param>
    /// <exception cref="InputException">
    /// The run cannot begin, go on or finish: the folder is in use, a disk is full, the loss is not finite. Checkpoints
    /// written before are untouched.
    /// </exception>
    public TrainingResult Run(bool resume, CancellationToken stop)
    {
        (bool isComplete, long step) = _loop.Run(resume, stop);
        return new TrainingResult(isComplete, step, _evaluations);
    }

    private RunPlan Plan() => new()
    {
        Identity = new RunIdentity(
            _settings.Seed,
            _settings.Preset,
            _settings.Digest(),
            _stepsPerEpoch,
            _data.Train.Name,
            _settings.Recipe.Epochs,
            epochs => _settings.Lengthened(epochs).Digest()),
        FirstEvaluation = _evaluation is null ? null : 0,
        CheckpointEvery = _settings.Run.CheckpointEvery,
        KeepCheckpoints = _settings.Run.KeepCheckpoints,
        Settings = _settings,
        LeftOut = _leftOut,
        Onward = "to train longer, say --extend with the epochs in all, or begin a run with its weights: "
            + $"--init {_folder.FinalPath}",
    };

    void IRunKind.Start()
    {
        if (_settings.Init.Path is not null)
        {
            _progress.OnNote(PretrainingMethods.LoadInitial(_learner, _settings.Init, _backend));
        }
    }

    void IRunKind.Load(Checkpoint checkpoint)
    {
        ILookup<bool, KeyValuePair<string, NdArray>> isMonitor = checkpoint.Read(_backend)
            .ToLookup(pair => pair.Key.StartsWith(FeatureBank.Prefix, StringComparison.Ordinal));
        _learner.Load(isMonitor[false].ToDictionary());
        _monitor?.Bank.Load(isMonitor[true].ToDictionary());
    }

    void IRunKind.Begin(RunPosition position, MetricsLog? metrics)
    {
        _metrics = metrics;
        _progress.OnStart(new RunOverview
        {
            Folder = _folder.Path,
            Settings = _settings,
            Backend = _backend,
            Images = _data,
            LeftOut = _leftOut,
            Encoder = _learner.Encoder,
            HeldOutImages = _evaluation is null ? 0 : _data.HeldOut!.Count,
            Parameters = _learner.ParameterCount,
            TrainedParameters = _learner.TrainedParameterCount,
            StepsPerEpoch = _stepsPerEpoch,
            StepsDone = position.Step,
        });
        if (_data.Summary is { } summary)
        {
            _progress.OnNote(summary);
        }

        if (_evaluation is null)
        {
            _progress.OnNote($"{_data.Train.Name}: no labels or nothing held out, so there is no kNN accuracy "
                + "(see --labels and --hold-out)");
        }
    }

    IDisposable IRunKind.OpenFeed(long step) => _feed = BatchFeed.OfPairs(
        _data.Train, _settings, _backend, (int)(step / _stepsPerEpoch), (int)(step % _stepsPerEpoch));

    void IRunKind.Step(long step)
    {
        var clock = new RunClock(_feed!.TimeWaited);
        DeviceBatch batch = _feed.Next();
        StepOutcome outcome;
        using (var scope = new StepScope())
        {
            outcome = _learner.Step(
                [batch.View(0), batch.View(1)],
                batch.Epoch + ((double)batch.Iteration / _stepsPerEpoch),
                _monitor is null ? null : features => _monitor.Bank.Add(features, batch.Labels),
                _feed.SendAhead);
        }

        double collapse = _learner.CollapseLoss;
        var line = new StepMetrics
        {
            Step = step,
            Epoch = (double)step / _stepsPerEpoch,
            Loss = outcome.Loss,
            CollapseLoss = collapse,
            LossOverCollapse = outcome.Loss / collapse,
            Lr = outcome.Lr,
            Momentum = outcome.Momentum,
            GradientNorms = outcome.GradientNorms,
            OutputStd = outcome.OutputStd,
            Timing = clock.Step(_settings.Recipe.Batch, _feed.TimeWaited),
        };
        _metrics?.Write(line);
        _progress.OnStep(line);
        Monitor(step);
    }

    // Part of the step: a run that was asked to stop reads it before it saves.
    private void Monitor(long step)
    {
        bool isEndOfEpoch = step % _stepsPerEpoch == 0;
        if (_monitor is null || !(isEndOfEpoch || step % _settings.Evaluation.MonitorEvery == 0))
        {
            return;
        }

        var clock = new RunClock(TimeSpan.Zero);
        (double accuracy, int images) = _monitor.Measure(_learner.Features, all: isEndOfEpoch);
        var line = new MonitorMetrics
        {
            Step = step,
            MonitorAccuracy = accuracy,
            K = _settings.Evaluation.MonitorNeighbours,
            BankRows = _monitor.Bank.Count,
            Images = images,
            Timing = new EvaluationTiming(clock.Elapsed.TotalSeconds),
        };
        _metrics?.Write(line);
        _progress.OnMonitor(line);
    }

    double IRunKind.Evaluate(int number, long step, WorkWatch watch)
    {
        var clock = new RunClock(TimeSpan.Zero);
        int k = _settings.Evaluation.Neighbours;
        _evaluation!.Watch = watch;
        _rawPixelAccuracy ??= _evaluation.RawPixelAccuracies(k)[0];
        var line = new EvaluationMetrics
        {
            Step = step,
            Evaluation = number,
            K = k,
            KnnAccuracy = _evaluation.Accuracies(_learner.Features, k)[0],
            RawPixelAccuracy = _rawPixelAccuracy.Value,
            Timing = new EvaluationTiming(clock.Elapsed.TotalSeconds),
        };
        _evaluations.Add(line);
        _metrics?.Write(line);
        _progress.OnEvaluation(line);
        return line.KnnAccuracy;
    }

    IReadOnlyList<NamedArray> IRunKind.State() => [.. _learner.State(), .. _monitor?.Bank.State() ?? []];

    // Tells `cudavit knn` how to build the network.
    IReadOnlyDictionary<string, string> IRunKind.Metadata() => Metadata();

    void IRunKind.End(bool isComplete, WorkWatch watch)
    {
        if (isComplete)
        {
            using var scope = new StepScope();
            _folder.WriteFinal(_learner.State(), Metadata());
        }
    }

    private Dictionary<string, string> Metadata() => new()
    {
        [TrainSettings.MetadataKey] = SettingsJson.Write(_settings.ResultOnly()),
    };
}

/// <summary>How a training run ended.</summary>
/// <param name="IsComplete">
/// False when it was asked to stop before its last step; it can go on from its checkpoint.
/// </param>
/// <param name="Step">Steps done.</param>
/// <param name="Evaluations">All evaluations of this process, in order.</param>
public sealed record TrainingResult(bool IsComplete, long Step, IReadOnlyList<EvaluationMetrics> Evaluations);
