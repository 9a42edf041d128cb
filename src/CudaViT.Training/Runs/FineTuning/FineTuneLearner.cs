using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Supervised;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Models.Vit;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>
/// A classifier with its optimizer and the average of its weights: makes one training step after another.
/// </summary>
public sealed class FineTuneLearner
{
    private const string AveragePrefix = "ema.";

    private readonly FineTuneSettings _settings;
    private readonly TrainSettings _model;
    private readonly IBackend _backend;
    private readonly Optimizer _optimizer;
    private readonly ErasingSettings _erasing;
    private readonly ParameterSet[] _watched;
    private readonly NdArray[] _averages = [];
    private readonly NdArray[] _sources = [];

    /// <summary>Builds the classifier and draws initial values for all of it.</summary>
    /// <param name="settings">Resolved settings.</param>
    /// <param name="classes">Classes to tell apart.</param>
    /// <param name="backend">Device to train on.</param>
    /// <param name="normalization">How pixels become numbers around zero.</param>
    /// <exception cref="SettingsException">No model can be built from the settings.</exception>
    public FineTuneLearner(FineTuneSettings settings, int classes, IBackend backend, Normalization normalization)
    {
        ArgumentNullException.ThrowIfNull(settings);
        (_settings, _backend, Classes) = (settings, backend, classes);
        _model = settings.ModelSettings(classes);
        Input = new ImageInput(_model, backend, normalization);
        _erasing = new ErasingSettings(settings.Views.EraseProbability);
        Model = new Classifier(_model.Model);
        Model.Initialize(backend, _model.ParameterType, settings.Seed);
        if (settings.Recipe.AverageMomentum is not null)
        {
            Average = new Classifier(_model.Model);
            Average.InitializeLike(Model, backend, _model.ParameterType);
            Average.Train(false);
            Average.Freeze();
            _averages = Average.Averaged();
            _sources = Model.Averaged();
        }

        Model.Freeze(false); // also the position table, and a patch projection that pre-training kept random
        _optimizer = new AdamW(ParameterGroup.ByLayer(
            Model.Encoder.Layers, settings.Recipe.WeightDecay, settings.Recipe.LayerDecay));
        _watched = [new ParameterSet("all", [.. Model.Parameters()])];
    }

    /// <summary>Number of classes that it tells apart.</summary>
    public int Classes { get; }

    /// <summary>The classifier.</summary>
    public Classifier Model { get; }

    /// <summary>The moving average of its weights; null without.</summary>
    public Classifier? Average { get; }

    /// <summary>Takes over the encoder of a file; the head stays as it was drawn.</summary>
    /// <param name="path">A file that training or importing wrote.</param>
    /// <exception cref="InputException">It cannot be read, or is not of this model.</exception>
    public void Start(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        TrainedModel.LoadBackbone(file, path, Model.Encoder, _backend);
        LayoutCheck.RequireFinite(
            path, Model.Encoder.BackboneState().ToDictionary(named => named.Name, named => named.Array));
        if (Average is not null)
        {
            TrainedModel.LoadBackbone(file, path, Average.Encoder, _backend);
        }
    }

    /// <summary>Makes a step: views, erased and mixed; loss, gradients, update, average.</summary>
    /// <param name="batch">Views with labels.</param>
    /// <param name="step">Steps done before.</param>
    /// <param name="onBusy">
    /// Called while the device has the whole step but the update to compute: the moment to send the next batch.
    /// </param>
    /// <exception cref="DivergedException">Loss or gradient is not finite; nothing was updated.</exception>
    /// <exception cref="AnomalyException">The same in anomaly mode: the message names the operation.</exception>
    public FineTuneOutcome Step(DeviceBatch batch, long step, Action? onBusy = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        using Anomaly? anomaly = _settings.Run.Anomaly ? new Anomaly() : null;
        using var scope = new StepScope();
        FineTuneRecipe recipe = _settings.Recipe;
        double rate = _settings.Recipe.LearningRate(batch.Epoch);
        Tensor images = batch.View(0);
        EraseImages.Apply(
            images.Data,
            Boxes(batch),
            new RandomStream(_settings.Seed, checked((int)step), 0, 0, RandomOperation.EraseNoise));
        RandomSequence random =
            new RandomStream(_settings.Seed, batch.Epoch, batch.Iteration, 0, RandomOperation.Mix).Sequence();
        var mixing = BatchMixing.Draw(ref random, recipe, _model.Model.ImageSize);
        Model.StochasticDepth = recipe.DropPath > 0 ? new StochasticDepth(recipe.DropPath, _settings.Seed, step) : null;

        Tensor logits = Model.Logits(mixing.Apply(images)).Cast(_model.ParameterType);
        Tensor loss = mixing.Loss(logits, batch.Labels, recipe.LabelSmoothing);
        loss.Backward();
        var readings = new StepReadings(GradientNorms.Begin(_watched), loss.Data);
        onBusy?.Invoke();
        (double[] scalars, IReadOnlyList<double?> lengths) = readings.Read();
        (double value, double norm) = (scalars[0], lengths[0] ?? 0);
        DivergedException.RequireFinite(value, "the loss", _optimizer.StepCount + 1, rate);
        DivergedException.RequireFinite(norm, "the length of the gradient", _optimizer.StepCount + 1, rate);
        _optimizer.Step(rate);
        _optimizer.ZeroGrad();
        if (recipe.AverageMomentum is { } momentum)
        {
            EmaStep.Apply(_averages, _sources, AverageMomentum(momentum, step));
        }

        return new FineTuneOutcome(value, rate, norm, mixing.Weight);
    }

    /// <summary>Momentum of the average after a step.</summary>
    /// <remarks>
    /// It comes up to the one that was asked for, as num_updates does it in TensorFlow's ExponentialMovingAverage:
    /// about the last tenth of the steps counts so far. With 0.99996 from the first step on, a run of a thousand steps
    /// would end with an average that is 96 % the weights it began with.
    /// </remarks>
    /// <param name="momentum">The one that was asked for.</param>
    /// <param name="step">Steps done before.</param>
    internal static double AverageMomentum(double momentum, long step) =>
        Math.Min(momentum, (1.0 + step) / (10.0 + step));

    /// <summary>How well images fit each class, in evaluation mode and off the tape.</summary>
    /// <param name="classifier">The model or its average.</param>
    /// <param name="images">[B, channels, H, W], standardized.</param>
    /// <returns>[B, classes], row-major.</returns>
    public double[] Judge(Classifier classifier, Tensor images)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        bool wasTraining = classifier.IsTraining;
        classifier.Train(false);
        try
        {
            return classifier.Logits(images).Cast(_model.ParameterType).Data.ToDoubles();
        }
        finally
        {
            classifier.Train(wasTraining);
        }
    }

    /// <summary>Brings pixels to the form that the model takes.</summary>
    public ImageInput Input { get; }

    /// <summary>
    /// Model, average and optimizer by name. Counters are allocated by this call: use within a step scope.
    /// </summary>
    public IReadOnlyList<NamedArray> State() =>
    [
        .. Model.State(),
        .. Average?.State().Select(named => named with { Name = AveragePrefix + named.Name }) ?? [],
        .. _optimizer.State(),
    ];

    /// <summary>Takes over a state, as <see cref="State"/> gives it.</summary>
    /// <exception cref="StateException">It does not fit; the message says why.</exception>
    public void Load(IReadOnlyDictionary<string, NdArray> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        ILookup<string, KeyValuePair<string, NdArray>> byPart = state.ToLookup(pair =>
            pair.Key.StartsWith(Optimizer.StatePrefix, StringComparison.Ordinal) ? Optimizer.StatePrefix
            : pair.Key.StartsWith(AveragePrefix, StringComparison.Ordinal) ? AveragePrefix
            : "");
        Model.Load(byPart[""].ToDictionary());
        Average?.Load(byPart[AveragePrefix].ToDictionary(pair => pair.Key[AveragePrefix.Length..], pair => pair.Value));
        _optimizer.Load(byPart[Optimizer.StatePrefix].ToDictionary());
    }

    private List<ImageBox> Boxes(DeviceBatch batch)
    {
        var boxes = new List<ImageBox>();
        for (int i = 0; i < batch.Samples.Length; i++)
        {
            RandomSequence random = new RandomStream(
                _settings.Seed, batch.Epoch, batch.Samples[i], batch.Copies[i], RandomOperation.Erase).Sequence();
            if (_erasing.Draw(ref random, _model.Model.ImageSize) is { } box)
            {
                boxes.Add(new ImageBox(i, box.Top, box.Left, box.Height, box.Width));
            }
        }

        return boxes;
    }
}

/// <summary>What a fine-tuning step computed, apart from the update.</summary>
/// <param name="Loss">Cross entropy under the smoothed and mixed targets.</param>
/// <param name="Lr">Learning rate of the update, of the topmost layer.</param>
/// <param name="GradientNorm">Length of the gradient of all parameters together.</param>
/// <param name="OwnWeight">Share of an image's own class in its target; 1 when nothing was mixed.</param>
public sealed record FineTuneOutcome(double Loss, double Lr, double GradientNorm, double OwnWeight);
