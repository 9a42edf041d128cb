using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Evaluation.Linear;

/// <summary>
/// Trains linear classifiers on the features of a frozen encoder, one for each learning rate of a grid: the features of
/// a batch are computed once and serve them all.
/// </summary>
/// <remarks>
/// The protocol of MoCo v3's code (arXiv:2104.02057, appendix A): weights from N(0, 0.01²), SGD with momentum 0.9 and
/// no decay, half a cosine per epoch without warm-up, random resized crops and flips, all in float32.
/// </remarks>
public sealed class LinearProbe
{
    private readonly TrainedModel _model;
    private readonly DatasetSplits _data;
    private readonly LinearSettings _settings;
    private readonly IWorkProgress _progress;
    private readonly ImageInput _input;
    private readonly LinearCandidate[] _candidates;
    private readonly LinearCheckpoints? _checkpoints;
    private readonly int _stepsPerEpoch;
    private long _step; // done
    private IReadOnlyList<DamagedImage> _leftOut = []; // of the training images, by processes before this one

    private LinearProbe(
        TrainedModel model,
        DatasetSplits data,
        LinearSettings settings,
        IWorkProgress progress,
        LinearCheckpoints? checkpoints)
    {
        (_model, _data, _settings, _progress, _checkpoints) = (model, data, settings, progress, checkpoints);
        _stepsPerEpoch = (data.Train.Count + settings.Batch - 1) / settings.Batch;
        _input = new ImageInput(model.Settings, model.Backend, data.Train.Normalization);
        _candidates = [.. settings.BaseLearningRates.Select(rate => new LinearCandidate(
            model, data.Train.ClassCount, rate, Schedules.ScaledRate(rate, settings.Batch), settings.Seed))];
    }

    /// <summary>Trains and judges.</summary>
    /// <param name="model">The encoder; it is compared with its file after the first epoch and at the end.</param>
    /// <param name="data">Images with labels and a held-out part.</param>
    /// <param name="settings">How.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <param name="checkpoints">Where to go on, and where to save after every epoch; null to keep nothing.</param>
    /// <param name="stop">Asks to finish the step, save and return.</param>
    /// <returns>
    /// The report, and the chosen classifier's <c>head.weight</c> and <c>head.bias</c>; null if it was stopped before the end.
    /// </returns>
    /// <exception cref="InputException">
    /// Images cannot be read or do not fit, the encoder changed, or a checkpoint is of another probe or cannot be written.
    /// </exception>
    public static LinearResult? Run(
        TrainedModel model,
        DatasetSplits data,
        LinearSettings settings,
        IWorkProgress progress,
        LinearCheckpoints? checkpoints = null,
        CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(progress);
        ArgumentOutOfRangeException.ThrowIfZero(settings.BaseLearningRates.Count, nameof(settings.BaseLearningRates));
        KnnEvaluation.RequirePossible(data);
        model.RequireFit(data.Train);
        return new LinearProbe(model, data, settings, progress, checkpoints).Run(stop);
    }

    private LinearResult? Run(CancellationToken stop)
    {
        Begin();
        int frozen = 0;
        using DataLoader loader = OpenLoader();
        long steps = (long)_stepsPerEpoch * _settings.Epochs;
        EvaluateIfDue(ref frozen);
        while (!stop.IsCancellationRequested && loader.TryNext(out ImageBatch? batch))
        {
            using (batch)
            {
                Train(batch);
            }

            _progress.OnAdvance(
                (_step + 1.0) / steps,
                FormattableString.Invariant($"epoch {1 + (_step / _stepsPerEpoch)}/{_settings.Epochs}"));
            _step++;
            if (_step == steps)
            {
                Save(); // whoever goes on from here evaluates once more: the answers are no part of the state
            }

            if (!stop.IsCancellationRequested && EvaluateIfDue(ref frozen) && _step < steps)
            {
                Save();
            }
        }

        if (_step < steps || IsEvaluationDue)
        {
            Save();
            return null;
        }

        LinearCandidate chosen = _candidates.MaxBy(candidate => candidate.History[^1].Top1)!; // the first among equals
        return new LinearResult(Report(chosen, frozen), chosen.Classifier());
    }

    private bool IsEvaluationDue =>
        _step > 0 && _step % _stepsPerEpoch == 0 && _candidates[0].History.Count < _step / _stepsPerEpoch;

    private bool EvaluateIfDue(ref int frozen)
    {
        if (!IsEvaluationDue)
        {
            return false;
        }

        int epoch = (int)(_step / _stepsPerEpoch);
        Evaluate(epoch);
        frozen = epoch == 1 || epoch == _settings.Epochs ? _model.RequireUnchanged() : frozen;
        return true;
    }

    private void Begin()
    {
        using var scope = new StepScope();
        if (_checkpoints?.Begin(Identity(), _model.Backend, _progress.OnLine) is { } state)
        {
            (_step, _leftOut) = (state.Step, state.LeftOut);
            for (int i = 0; i < _candidates.Length; i++)
            {
                _candidates[i].Load(state.Arrays[i], state.Histories[i]);
            }
        }
    }

    private void Save()
    {
        if (_checkpoints is null)
        {
            return;
        }

        using var scope = new StepScope();
        _checkpoints.Save(new LinearState(
            _step,
            [.. _candidates.Select(candidate => candidate.State().ToDictionary(named => named.Name, named => named.Array))],
            [.. _candidates.Select(candidate => candidate.History)],
            LeftOut()));
    }

    // What decides the result, apart from the images themselves.
    private RunIdentity Identity() => new(
        _settings.Seed,
        "linear",
        LinearCheckpoints.Digest(_settings, _model.Path, _data),
        _stepsPerEpoch,
        _data.Train.Name);

    // In an order that does not depend on who came across them when.
    private List<DamagedImage> LeftOut() => [.. _leftOut
        .UnionBy(_data.Train.Damaged, image => image.Name)
        .OrderBy(image => image.Name, StringComparer.Ordinal)];

    private LinearReport Report(LinearCandidate chosen, int frozen) => new()
    {
        Checkpoint = _model.Path,
        Data = _data.Train.Name,
        TrainImages = _data.Train.Count,
        HeldOutImages = _data.HeldOut!.Count,
        Settings = _settings,
        FrozenTensors = frozen,
        Rates = [.. _candidates.Select(candidate => candidate.Result())],
        ChosenBaseLearningRate = chosen.BaseRate,
        Top1 = chosen.Tally.Top1,
        Top5 = chosen.Tally.Top5,
        LeftOut = [.. LeftOut(), .. _data.HeldOut.Damaged],
        Classes = [.. chosen.Tally.Classes(_data.Train.ClassNames)],
        Confusion = chosen.Tally.Confusion,
    };

    private DataLoader OpenLoader() => new(
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
            StartEpoch = (int)(_step / _stepsPerEpoch),
            StartIteration = (int)(_step % _stepsPerEpoch),
        });

    private void Train(ImageBatch batch)
    {
        using var scope = new StepScope();
        Tensor features = _model.Features(_input.ToTensor(batch.View(0)));
        NdArray labels = NdArray.From(_model.Backend, batch.Labels, [batch.Count]);
        foreach (LinearCandidate candidate in _candidates)
        {
            candidate.Step(features, labels, batch.Epoch, _settings.Epochs);
        }
    }

    private void Evaluate(int epoch)
    {
        Array.ForEach(_candidates, candidate => candidate.BeginEvaluation());
        IEnumerable<ImageBatch> batches = EvaluationBatches.Enumerate(
            _data.HeldOut!,
            _model.Settings.Model.ImageSize,
            _model.Settings.Evaluation.Batch,
            _settings.TestShortSide);
        foreach (ImageBatch batch in batches)
        {
            using var scope = new StepScope();
            Tensor features = _model.Features(_input.ToTensor(batch.View(0)));
            Array.ForEach(_candidates, candidate => candidate.Judge(features, batch.Labels));
        }

        Array.ForEach(_candidates, candidate => candidate.EndEvaluation(epoch));
        IEnumerable<string> scores = _candidates.Select(candidate =>
            FormattableString.Invariant($"{candidate.History[^1].Top1:f4} (lr {candidate.BaseRate})"));
        _progress.OnLine(FormattableString.Invariant($"after epoch {epoch,-3} top-1 {string.Join("  ", scores)}"));
    }
}

/// <summary>What a linear probe comes to.</summary>
/// <param name="Report">The numbers.</param>
/// <param name="Classifier"><c>head.weight</c> and <c>head.bias</c> of the chosen classifier.</param>
public sealed record LinearResult(LinearReport Report, IReadOnlyList<NamedArray> Classifier);
