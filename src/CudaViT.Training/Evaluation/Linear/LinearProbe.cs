using CudaViT.Core;
using CudaViT.Training.Data;
using CudaViT.Training.Nn;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs;

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
    private const double InitialDeviation = 0.01;
    private const double Momentum = 0.9;

    private readonly TrainedModel _model;
    private readonly DatasetSplits _data;
    private readonly LinearSettings _settings;
    private readonly IWorkProgress _progress;
    private readonly ImageInput _input;
    private readonly Candidate[] _candidates;

    private LinearProbe(TrainedModel model, DatasetSplits data, LinearSettings settings, IWorkProgress progress)
    {
        (_model, _data, _settings, _progress) = (model, data, settings, progress);
        _input = new ImageInput(model.Settings, model.Backend, data.Train.Normalization);
        _candidates = [.. settings.BaseLearningRates.Select(rate => new Candidate(
            model, data.Train.ClassCount, rate, Schedules.ScaledRate(rate, settings.Batch), settings.Seed))];
    }

    /// <summary>Trains and judges.</summary>
    /// <param name="model">The encoder; it is compared with its file after the first epoch and at the end.</param>
    /// <param name="data">Images with labels and a held-out part.</param>
    /// <param name="settings">How.</param>
    /// <param name="progress">Is told how far it is.</param>
    /// <returns>The report, and the chosen classifier's <c>head.weight</c> and <c>head.bias</c>.</returns>
    /// <exception cref="InputException">Images cannot be read or do not fit, or the encoder changed.</exception>
    public static (LinearReport Report, IReadOnlyList<NamedArray> Classifier) Run(
        TrainedModel model, DatasetSplits data, LinearSettings settings, IWorkProgress progress)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentOutOfRangeException.ThrowIfZero(settings.BaseLearningRates.Count, nameof(settings.BaseLearningRates));
        KnnEvaluation.RequirePossible(data);
        model.RequireFit(data.Train);
        return new LinearProbe(model, data, settings, progress).Run();
    }

    private (LinearReport, IReadOnlyList<NamedArray>) Run()
    {
        int frozen = 0;
        using DataLoader loader = OpenLoader();
        long steps = (long)loader.IterationsPerEpoch * _settings.Epochs;
        for (long step = 0; loader.TryNext(out ImageBatch? batch); step++)
        {
            using (batch)
            {
                Train(batch);
            }

            _progress.OnAdvance(
                (step + 1.0) / steps,
                FormattableString.Invariant($"epoch {1 + (step / loader.IterationsPerEpoch)}/{_settings.Epochs}"));
            if ((step + 1) % loader.IterationsPerEpoch == 0)
            {
                int epoch = (int)((step + 1) / loader.IterationsPerEpoch);
                Evaluate(epoch);
                frozen = epoch == 1 || epoch == _settings.Epochs ? _model.RequireUnchanged() : frozen;
            }
        }

        Candidate chosen = _candidates.MaxBy(candidate => candidate.History[^1].Top1)!; // the first among equals
        return (Report(chosen, frozen), chosen.State());
    }

    private LinearReport Report(Candidate chosen, int frozen) => new()
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
        LeftOut = [.. _data.Train.Damaged, .. _data.HeldOut.Damaged],
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
        });

    private void Train(ImageBatch batch)
    {
        using var scope = new StepScope();
        Tensor features = _model.Features(_input.ToTensor(batch.View(0)));
        NdArray labels = NdArray.From(_model.Backend, batch.Labels, [batch.Count]);
        foreach (Candidate candidate in _candidates)
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

    /// <summary>The classifier of one learning rate.</summary>
    private sealed class Candidate
    {
        private readonly LinearLayer _layer;
        private readonly Sgd _optimizer;
        private readonly double _peak;
        private readonly List<LinearScore> _history = [];
        private readonly int _classes;
        private double _lossSum;
        private int _images;

        public Candidate(TrainedModel model, int classes, double baseRate, double peak, ulong seed)
        {
            (BaseRate, _peak, _classes) = (baseRate, peak, classes);
            Initializer start = Initializers.Normal(InitialDeviation); // the same for all: equal names, equal numbers
            _layer = new LinearLayer(model.Encoder.FeatureWidth, classes, start, Initializers.Zeros);
            _layer.Initialize(model.Backend, model.Settings.ParameterType, seed);
            _optimizer = new Sgd(ParameterGroup.Of(_layer.Parameters(), weightDecay: 0), Momentum);
            Tally = new Tally(classes);
        }

        public double BaseRate { get; }

        public IReadOnlyList<LinearScore> History => _history;

        public Tally Tally { get; private set; }

        public IReadOnlyList<NamedArray> State() =>
            [.. _layer.State().Select(named => new NamedArray($"head.{named.Name}", named.Array))];

        public void Step(Tensor features, NdArray labels, int epoch, int epochs)
        {
            using var scope = new StepScope();
            Tensor loss = CrossEntropy.Apply(_layer.Forward(features), labels);
            loss.Backward();
            _optimizer.Step(Schedules.Cosine(epoch, _peak, epochs));
            _optimizer.ZeroGrad();
            _lossSum += loss.Data.Item() * labels.Shape[0];
            _images += labels.Shape[0];
        }

        public void BeginEvaluation() => Tally = new Tally(_classes);

        public void Judge(Tensor features, ReadOnlySpan<int> labels)
        {
            using var noGrad = new NoGrad();
            double[] logits = _layer.Forward(features).Data.ToDoubles();
            for (int i = 0; i < labels.Length; i++)
            {
                Tally.Add(logits.AsSpan(i * _classes, _classes), labels[i]);
            }
        }

        public void EndEvaluation(int epoch)
        {
            double loss = _lossSum / _images;
            _history.Add(new LinearScore(epoch, Tally.Top1, Tally.Top5, double.IsFinite(loss) ? loss : null));
            (_lossSum, _images) = (0, 0);
        }

        public LinearRate Result() =>
            new(BaseRate, _peak, _history[^1], _history.MaxBy(score => score.Top1)!, _history);
    }
}
