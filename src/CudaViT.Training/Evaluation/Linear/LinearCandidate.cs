using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;

namespace CudaViT.Training.Evaluation.Linear;

/// <summary>The classifier of one learning rate, as it is trained and judged.</summary>
internal sealed class LinearCandidate
{
    private const double InitialDeviation = 0.01;
    private const double Momentum = 0.9;

    private readonly LinearLayer _layer;
    private readonly Sgd _optimizer;
    private readonly double _peak;
    private readonly List<LinearScore> _history = [];
    private readonly int _classes;
    private double _lossSum; // of this epoch
    private long _images;

    /// <summary>Draws the first weights.</summary>
    /// <param name="model">The encoder.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="baseRate">Learning rate for a batch of 256.</param>
    /// <param name="peak">Learning rate of the first epoch.</param>
    /// <param name="seed">Seed of the weights.</param>
    public LinearCandidate(TrainedModel model, int classes, double baseRate, double peak, ulong seed)
    {
        (BaseRate, _peak, _classes) = (baseRate, peak, classes);
        Initializer start = Initializers.Normal(InitialDeviation); // the same for all: equal names, equal numbers
        _layer = new LinearLayer(model.Encoder.FeatureWidth, classes, start, Initializers.Zeros);
        _layer.Initialize(model.Backend, model.Settings.ParameterType, seed);
        _optimizer = new Sgd(ParameterGroup.Of(_layer.Parameters(), weightDecay: 0), Momentum);
        Tally = new Tally(classes);
    }

    /// <summary>Learning rate for a batch of 256.</summary>
    public double BaseRate { get; }

    /// <summary>After every epoch.</summary>
    public IReadOnlyList<LinearScore> History => _history;

    /// <summary>Answers of the last evaluation.</summary>
    public Tally Tally { get; private set; }

    /// <summary>The classifier by name.</summary>
    public IReadOnlyList<NamedArray> Classifier() =>
        [.. _layer.State().Select(named => new NamedArray($"head.{named.Name}", named.Array))];

    /// <summary>All arrays that are needed to go on, by name; allocated in the step scope of the caller.</summary>
    public IReadOnlyList<NamedArray> State() =>
        [.. Classifier(), .. _optimizer.State(), .. Sums().Select(slot => new NamedArray(slot.Name, slot.Read()))];

    /// <summary>Goes on from a state.</summary>
    /// <param name="state">As <see cref="State"/> gives it.</param>
    /// <param name="history">Scores of the epochs before.</param>
    /// <exception cref="StateException">It does not fit.</exception>
    public void Load(IReadOnlyDictionary<string, NdArray> state, IEnumerable<LinearScore> history)
    {
        const string Head = "head.";
        _layer.Load(state.Where(pair => pair.Key.StartsWith(Head, StringComparison.Ordinal))
            .ToDictionary(pair => pair.Key[Head.Length..], pair => pair.Value));
        _optimizer.Load(state.Where(pair => pair.Key.StartsWith(Optimizer.StatePrefix, StringComparison.Ordinal))
            .ToDictionary());
        StateSlot[] sums = [.. Sums()];
        StateSlot.WriteAll(
            sums,
            state.Where(pair => Array.Exists(sums, slot => slot.Name == pair.Key)).ToDictionary(),
            "linear probe");
        _history.AddRange(history);
    }

    /// <summary>Makes a step.</summary>
    /// <param name="features">[B, D], constants.</param>
    /// <param name="labels">[B].</param>
    /// <param name="epoch">Epoch, from 0.</param>
    /// <param name="epochs">How many there will be.</param>
    /// <returns>The loss before the update.</returns>
    public double Step(Tensor features, NdArray labels, int epoch, int epochs)
    {
        using var scope = new StepScope();
        Tensor loss = CrossEntropy.Apply(_layer.Forward(features), labels);
        loss.Backward();
        _optimizer.Step(Schedules.Cosine(epoch, _peak, epochs));
        _optimizer.ZeroGrad();
        double value = loss.Data.Item();
        _lossSum += value * labels.Shape[0];
        _images += labels.Shape[0];
        return value;
    }

    /// <summary>Begins to count answers anew.</summary>
    public void BeginEvaluation() => Tally = new Tally(_classes);

    /// <summary>Counts the answers to a batch of held-out images.</summary>
    public void Judge(Tensor features, ReadOnlySpan<int> labels)
    {
        using var noGrad = new NoGrad();
        double[] logits = _layer.Forward(features).Data.ToDoubles();
        for (int i = 0; i < labels.Length; i++)
        {
            Tally.Add(logits.AsSpan(i * _classes, _classes), labels[i]);
        }
    }

    /// <summary>Writes the score of an epoch down.</summary>
    public void EndEvaluation(int epoch)
    {
        double loss = _lossSum / _images;
        _history.Add(new LinearScore(epoch, Tally.Top1, Tally.Top5, double.IsFinite(loss) ? loss : null));
        (_lossSum, _images) = (0, 0);
    }

    /// <summary>What this rate came to.</summary>
    public LinearRate Result() =>
        new(BaseRate, _peak, _history[^1], _history.MaxBy(score => score.Top1)!, _history);

    private IEnumerable<StateSlot> Sums()
    {
        IBackend backend = _layer.Parameters().First().Value.Backend;
        yield return new StateSlot(
            "loss",
            [],
            DType.F64,
            () => NdArray.From<double>(backend, [_lossSum], []),
            source => _lossSum = source.ToArray<double>()[0]);
        yield return StateSlot.Of("images", backend, () => _images, images => _images = images);
    }
}
