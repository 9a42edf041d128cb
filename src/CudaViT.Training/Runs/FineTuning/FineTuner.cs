using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>
/// A fine-tuning run: all of an encoder learns to name images, and is judged by those that were held out. The order of
/// things is <see cref="RunLoop"/>'s.
/// </summary>
public sealed class FineTuner : IRunKind
{
    private readonly FineTuneSettings _settings;
    private readonly RunFolder _folder;
    private readonly IBackend _backend;
    private readonly IFineTuneProgress _progress;
    private readonly DatasetSplits _data;
    private readonly FineTuneLearner _learner;
    private readonly ClassifierJudge _judge;
    private readonly FineTuneFiles _files;
    private readonly LeftOutImages _leftOut;
    private readonly RunLoop _loop;
    private readonly int _stepsPerEpoch;
    private readonly List<FineTuneEvaluation> _history = []; // of all processes of the run

    private MetricsLog? _metrics;
    private BatchFeed? _feed;
    private (Tally Weights, Tally? Average)? _tallies; // of the last evaluation of this process
    private FineTuneReport? _report;

    /// <summary>Opens the data and builds the model. Writes nothing yet.</summary>
    /// <param name="settings">Resolved settings.</param>
    /// <param name="folder">Where results go.</param>
    /// <param name="backend">Device to train on.</param>
    /// <param name="progress">Is told what happens.</param>
    /// <param name="decoder">Decodes image files; null if the data are none.</param>
    /// <param name="stop">Asks to give the search for images up.</param>
    /// <exception cref="InputException">Settings or data cannot be used.</exception>
    /// <exception cref="OperationCanceledException">Asked to stop.</exception>
    public FineTuner(
        FineTuneSettings settings,
        RunFolder folder,
        IBackend backend,
        IFineTuneProgress progress,
        IImageDecoder? decoder = null,
        CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(folder);
        (_settings, _folder, _backend, _progress) = (settings, folder, backend, progress);
        _data = settings.Data.Open(decoder, new SearchNotes(progress.OnNote), stop);
        RequireUsable();
        _stepsPerEpoch = _data.Train.Count / settings.Recipe.Batch;
        _learner = new FineTuneLearner(settings, _data.Train.ClassCount, backend, _data.Train.Normalization);
        _judge = new ClassifierJudge(_learner, _data.HeldOut!, settings);
        _leftOut = new LeftOutImages(_data);
        _files = new FineTuneFiles(folder, settings, _data, _leftOut);
        _loop = new RunLoop(this, Plan(), folder, progress);
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
        (_, long step) = _loop.Run(resume, stop);
        return new FineTuneResult(step, _report);
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
        FirstEvaluation = 1,
        CheckpointEvery = _settings.Run.CheckpointEvery,
        KeepCheckpoints = _settings.Run.KeepCheckpoints,
        Settings = _settings,
        LeftOut = _leftOut,
        Onward = "to train longer, say --extend with the epochs in all",
    };

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

        RunException.RequireBatch(_data.Train, _settings.Recipe.Batch, least: 1, _settings.Data.Limit);
    }

    void IRunKind.Start()
    {
        string path = _settings.Checkpoint ?? throw new RunException(
            $"{_folder.SettingsPath}: no encoder is named; expected a file to start from; name it with --checkpoint.");
        if (!File.Exists(path))
        {
            throw new RunException(
                $"{path}: there is no such file; expected the encoder to start from; correct --checkpoint.");
        }

        // The settings know the file's content, not only its name.
        if (_settings.CheckpointSha256 is { } expected && FileDigest.Of(path) != expected)
        {
            throw new RunException(
                $"{path}: this is not the file that the run was begun with (its SHA-256 is not {expected}); expected "
                + "the same encoder; name it with --checkpoint, or start a new run in another folder.");
        }

        _learner.Start(path);
    }

    void IRunKind.Load(Checkpoint checkpoint) => _learner.Load(checkpoint.Read(_backend));

    void IRunKind.Begin(RunPosition position, MetricsLog? metrics)
    {
        _metrics = metrics;
        _history.AddRange(FineTuneFiles.ReadHistory(_folder.MetricsPath));
        _progress.OnStart(new FineTuneOverview
        {
            Folder = _folder.Path,
            Settings = _settings,
            Device = _backend.Name,
            Data = _data.Train.Name,
            TrainImages = _data.Train.Count,
            HeldOutImages = _data.HeldOut!.Count,
            Classes = _data.Train.ClassCount,
            TrainedParameters = _learner.Model.TrainableParameterCount,
            StepsPerEpoch = _stepsPerEpoch,
        });
        if (_data.Summary is { } summary)
        {
            _progress.OnNote(summary);
        }
    }

    IDisposable IRunKind.OpenFeed(long step) => _feed = BatchFeed.Of(
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
            StartEpoch = (int)(step / _stepsPerEpoch),
            StartIteration = (int)(step % _stepsPerEpoch),
        },
        _learner.Input,
        _backend);

    void IRunKind.Step(long step)
    {
        var clock = new RunClock(_feed!.TimeWaited);
        FineTuneOutcome outcome = _learner.Step(_feed.Next(), step - 1, _feed.SendAhead);
        var line = new FineTuneStepMetrics(
            step,
            (double)step / _stepsPerEpoch,
            outcome.Loss,
            outcome.Lr,
            outcome.GradientNorm,
            outcome.OwnWeight,
            clock.Step(_settings.Recipe.Batch, _feed.TimeWaited));
        _metrics?.Write(line);
        _progress.OnStep(line);
    }

    double IRunKind.Evaluate(int number, long step, WorkWatch watch)
    {
        var clock = new RunClock(TimeSpan.Zero);
        (Tally weights, Tally? average) = (_tallies = _judge.Judge(watch)).Value;
        var line = new FineTuneEvaluation(
            step,
            number,
            weights.Top1,
            weights.Top5,
            average?.Top1,
            average?.Top5,
            new EvaluationTiming(clock.Elapsed.TotalSeconds));
        _history.Add(line);
        _metrics?.Write(line);
        _progress.OnEvaluation(line);
        return weights.Top1;
    }

    IReadOnlyList<NamedArray> IRunKind.State() => _learner.State();

    IReadOnlyDictionary<string, string> IRunKind.Metadata() => _files.Metadata();

    void IRunKind.End(bool isComplete, WorkWatch watch)
    {
        if (isComplete)
        {
            _tallies ??= _judge.Judge(watch); // an earlier process made the last evaluation
        }

        if (_tallies is not var (weights, average))
        {
            return;
        }

        if (_history.Count == 0)
        {
            throw new RunException(
                $"{_folder.MetricsPath}: the scores of the run's epochs are gone; expected the lines that it wrote "
                + "after each; bring the file back, or judge the model with cudavit knn or linear. "
                + "Nothing was changed.");
        }

        FineTuneReport report = _files.Report(_history, weights, average);
        if (isComplete)
        {
            _files.Write(report, _learner);
            _report = report;
        }

        _progress.OnReport(report);
    }
}

/// <summary>How a fine-tuning run ended.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Report">
/// The result; null when it was asked to stop before its last step: it can go on from its checkpoint.
/// </param>
public sealed record FineTuneResult(long Step, FineTuneReport? Report);
