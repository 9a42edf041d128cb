using System.Security.Cryptography;
using System.Text.Json;
using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Runs.LinearProbing;

/// <summary>
/// Trains linear classifiers on the features of a frozen encoder, one for each learning rate of a grid: the features of
/// a batch are computed once and serve them all. The order of things is <see cref="RunLoop"/>'s.
/// </summary>
/// <remarks>
/// The protocol of MoCo v3's code (arXiv:2104.02057, appendix A): weights from N(0, 0.01²), SGD with momentum 0.9 and
/// no decay, half a cosine per epoch without warm-up, random resized crops and flips, all in float32.
/// </remarks>
public sealed class LinearProbe : IRunKind
{
    private readonly TrainedModel _model;
    private readonly DatasetSplits _data;
    private readonly LinearSettings _settings;
    private readonly IWorkProgress _progress;
    private readonly ImageInput _input;
    private readonly LinearCandidate[] _candidates;
    private readonly LeftOutImages _leftOut;
    private readonly int _stepsPerEpoch;

    private MetricsLog? _metrics;
    private DataLoader? _loader;
    private bool _isJudged; // the last epoch, by this process
    private int _frozen;
    private double _share; // of the steps

    private LinearProbe(TrainedModel model, DatasetSplits data, LinearSettings settings, IWorkProgress progress)
    {
        (_model, _data, _settings, _progress) = (model, data, settings, progress);
        _stepsPerEpoch = (data.Train.Count + settings.Batch - 1) / settings.Batch;
        _leftOut = new LeftOutImages(data);
        _input = new ImageInput(model.Settings, model.Backend, data.Train.Normalization);
        _candidates = [.. settings.BaseLearningRates.Select(rate => new LinearCandidate(
            model, data.Train.ClassCount, rate, Schedules.ScaledRate(rate, settings.Batch), settings.Seed))];
    }

    /// <summary>Trains and judges.</summary>
    /// <param name="model">The encoder; it is compared with its file after the first epoch and at the end.</param>
    /// <param name="data">Images with labels and a held-out part.</param>
    /// <param name="settings">How.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="folder">Where to save after every epoch; null to keep nothing.</param>
    /// <param name="resume">Go on where the folder's newest whole checkpoint is, if there is one.</param>
    /// <param name="stop">Asks to finish the step, save and return.</param>
    /// <returns>
    /// The report, and the chosen classifier's <c>head.weight</c> and <c>head.bias</c>; null if it was stopped before
    /// the end.
    /// </returns>
    /// <exception cref="InputException">
    /// Images cannot be read or do not fit, the encoder changed, or a checkpoint is of another probe or cannot be
    /// written.
    /// </exception>
    public static LinearResult? Run(
        TrainedModel model,
        DatasetSplits data,
        LinearSettings settings,
        IWorkProgress progress,
        RunFolder? folder = null,
        bool resume = false,
        CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(progress);
        ArgumentOutOfRangeException.ThrowIfZero(settings.BaseLearningRates.Count, nameof(settings.BaseLearningRates));
        KnnEvaluation.RequirePossible(data);
        model.RequireFit(data.Train);
        var probe = new LinearProbe(model, data, settings, progress);
        var notes = new Notes(progress, () => probe._share);
        (bool isComplete, _) = new RunLoop(probe, probe.Plan(), folder, notes).Run(resume, stop);
        return isComplete ? probe.Result() : null;
    }

    private RunPlan Plan() => new()
    {
        Identity = new RunIdentity(
            _settings.Seed,
            "linear",
            Digest(_settings, _model.Path, _data),
            _stepsPerEpoch,
            _data.Train.Name,
            _settings.Epochs,
            Decides: "settings, another encoder or other images"),
        FirstEvaluation = 1,
        Settings = null,
        SharesFolder = true,
        LeftOut = _leftOut,
        ListsLeftOut = false,
        Onward = "its result follows",
    };

    // All that decides the result, apart from the images themselves.
    private static string Digest(LinearSettings settings, string model, DatasetSplits data) =>
        Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(new
        {
            Settings = settings with { Workers = null },
            Model = FileDigest.Of(model),
            Images = (int[])[data.Train.Count, data.HeldOut!.Count, data.Train.ClassCount],
        })));

    void IRunKind.Start()
    {
        // First weights are drawn, and the encoder is as its file has it.
    }

    void IRunKind.Load(Checkpoint checkpoint) => LinearState.Load(checkpoint, _candidates, _model.Backend);

    void IRunKind.Begin(RunPosition position, MetricsLog? metrics) => _metrics = metrics;

    IDisposable IRunKind.OpenFeed(long step) => _loader = OpenLoader(step);

    private DataLoader OpenLoader(long step) => new(
        _data.Train,
        new AugmentationSettings
        {
            OutputSize = _model.Settings.Model.ImageSize,
            MinCropArea = _settings.CropMinimum,
            JitterProbability = 0,
            GrayscaleProbability = 0,
            BlurProbabilityA = 0,
        },
        new DataLoaderSettings
        {
            BatchSize = _settings.Batch,
            KeepsRest = true,
            Views = 1,
            Seed = _settings.Seed,
            Epochs = _settings.Epochs,
            Workers = _settings.Workers,
            ComputeThreads = _model.Backend.ComputeThreads,
            StartEpoch = (int)(step / _stepsPerEpoch),
            StartIteration = (int)(step % _stepsPerEpoch),
        });

    void IRunKind.Step(long step)
    {
        var clock = new RunClock(_loader!.TimeWaited);
        if (!_loader.TryNext(out ImageBatch? batch))
        {
            throw new InvalidOperationException("The data ended before the run. This is a mistake in the program.");
        }

        double[] losses;
        int images = batch.Count;
        using (batch)
        {
            losses = Train(batch);
        }

        _metrics?.Write(new LinearStepMetrics(
            step,
            (double)step / _stepsPerEpoch,
            [.. losses.Select(loss => double.IsFinite(loss) ? loss : (double?)null)],
            clock.Step(images, _loader.TimeWaited)));
        _share = (double)step / ((long)_stepsPerEpoch * _settings.Epochs);
        _progress.OnAdvance(
            _share,
            FormattableString.Invariant($"epoch {1 + ((step - 1) / _stepsPerEpoch)}/{_settings.Epochs}"));
    }

    private double[] Train(ImageBatch batch)
    {
        using var scope = new StepScope();
        Tensor features = _model.Features(_input.ToTensor(batch.View(0)));
        NdArray labels = NdArray.From(_model.Backend, batch.Labels, [batch.Count]);
        int epoch = batch.Epoch;
        return [.. _candidates.Select(candidate => candidate.Step(features, labels, epoch, _settings.Epochs))];
    }

    double IRunKind.Evaluate(int number, long step, WorkWatch watch)
    {
        var clock = new RunClock(TimeSpan.Zero);
        Judge(watch);
        Array.ForEach(_candidates, candidate => candidate.EndEvaluation(number));
        LinearScore[] scores = [.. _candidates.Select(candidate => candidate.History[^1])];
        _metrics?.Write(new LinearEvaluation(
            step,
            number,
            [.. scores.Select(score => score.Top1)],
            [.. scores.Select(score => score.Top5)],
            new EvaluationTiming(clock.Elapsed.TotalSeconds)));
        IEnumerable<string> words = _candidates.Zip(scores, (candidate, score) =>
            FormattableString.Invariant($"{score.Top1:f4} (lr {candidate.BaseRate})"));
        _progress.OnLine(FormattableString.Invariant($"after epoch {number,-3} top-1 {string.Join("  ", words)}"));
        _isJudged = number == _settings.Epochs;
        if (number == 1 || _isJudged)
        {
            _frozen = _model.RequireUnchanged();
        }

        return scores.Max(score => score.Top1);
    }

    private void Judge(WorkWatch watch)
    {
        Array.ForEach(_candidates, candidate => candidate.BeginEvaluation());
        IEnumerable<ImageBatch> batches = EvaluationBatches.Enumerate(
            _data.HeldOut!,
            _model.Settings.Model.ImageSize,
            _model.Settings.Evaluation.Batch,
            _settings.TestShortSide);
        int done = 0;
        foreach (ImageBatch batch in batches)
        {
            using var scope = new StepScope();
            Tensor features = _model.Features(_input.ToTensor(batch.View(0)));
            Array.ForEach(_candidates, candidate => candidate.Judge(features, batch.Labels));
            done += batch.Count;
            watch.Advance("held-out images", done, _data.HeldOut!.Count);
        }
    }

    IReadOnlyList<NamedArray> IRunKind.State() => LinearState.Arrays(_candidates);

    IReadOnlyDictionary<string, string> IRunKind.Metadata() => LinearState.Strings(_candidates);

    void IRunKind.End(bool isComplete, WorkWatch watch)
    {
        if (isComplete && !_isJudged)
        {
            Judge(watch); // an earlier process made the last evaluation, and answers are no part of the state
            _frozen = _model.RequireUnchanged();
        }
    }

    private LinearResult Result()
    {
        LinearCandidate chosen = _candidates.MaxBy(candidate => candidate.History[^1].Top1)!; // the first among equals
        return new LinearResult(
            new LinearReport
            {
                Checkpoint = _model.Path,
                Data = _data.Train.Name,
                TrainImages = _data.Train.Count,
                HeldOutImages = _data.HeldOut!.Count,
                Settings = _settings,
                FrozenTensors = _frozen,
                Rates = [.. _candidates.Select(candidate => candidate.Result())],
                ChosenBaseLearningRate = chosen.BaseRate,
                Top1 = chosen.Tally.Top1,
                Top5 = chosen.Tally.Top5,
                LeftOut = _leftOut.All,
                Classes = [.. chosen.Tally.Classes(_data.Train.ClassNames)],
                Confusion = chosen.Tally.Confusion,
            },
            chosen.Classifier());
    }

    /// <summary>Takes the notes of the loop to where a probe reports.</summary>
    private sealed class Notes(IWorkProgress progress, Func<double> share) : IRunProgress
    {
        public void OnNote(string line) => progress.OnLine(line);

        public void OnWork(string what, long done, long total) =>
            progress.OnAdvance(share(), FormattableString.Invariant($"{done}/{total} {what}"));
    }
}

/// <summary>What a linear probe comes to.</summary>
/// <param name="Report">The numbers.</param>
/// <param name="Classifier"><c>head.weight</c> and <c>head.bias</c> of the chosen classifier.</param>
public sealed record LinearResult(LinearReport Report, IReadOnlyList<NamedArray> Classifier);

/// <summary>What a step of a probe is measured by: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="Epoch">Epochs done after this step; a fraction.</param>
/// <param name="Losses">Cross entropy of each learning rate; null where it was not finite.</param>
/// <param name="Timing">Measured by the clock; differs from run to run.</param>
public sealed record LinearStepMetrics(long Step, double Epoch, IReadOnlyList<double?> Losses, StepTiming Timing);

/// <summary>How the classifiers did on the held-out images after an epoch: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Steps done when they were judged.</param>
/// <param name="Evaluation">Number of the evaluation: epochs done.</param>
/// <param name="Top1">Share of images whose class has the largest logit, by learning rate.</param>
/// <param name="Top5">Share of images whose class is among the five largest.</param>
/// <param name="Timing">Measured by the clock; differs from run to run.</param>
public sealed record LinearEvaluation(
    long Step, int Evaluation, IReadOnlyList<double> Top1, IReadOnlyList<double> Top5, EvaluationTiming Timing);
