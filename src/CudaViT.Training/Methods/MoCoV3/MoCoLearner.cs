using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Methods.MoCoV3;

/// <summary>MoCo v3 with its optimizer: makes one training step after another.</summary>
public sealed class MoCoLearner : IMethodLearner
{
    private readonly TrainSettings _settings;
    private readonly ImageInput _input;
    private readonly Optimizer _optimizer;
    private readonly ParameterSet[] _watched;

    /// <summary>Builds the model and draws its initial values.</summary>
    /// <param name="settings">Resolved settings; the model has the channels of the images.</param>
    /// <param name="backend">Device to train on.</param>
    /// <param name="normalization">How pixels become numbers around zero.</param>
    /// <exception cref="SettingsException">No model can be built from the settings.</exception>
    public MoCoLearner(TrainSettings settings, IBackend backend, Normalization normalization)
    {
        ArgumentNullException.ThrowIfNull(settings);
        (_settings, _input) = (settings, new ImageInput(settings, backend, normalization));
        Model = new MoCoV3(settings.Model, settings.Recipe.Temperature) { ComputeType = settings.Dtype };
        Model.Initialize(backend, settings.ParameterType, settings.Seed);
        _optimizer = Optimizers.Create(settings.Recipe, Model.Parameters());
        _watched = [.. Model.WatchedParts, new ParameterSet("all", [.. Model.Parameters()])];
    }

    /// <summary>The model.</summary>
    public MoCoV3 Model { get; }

    /// <inheritdoc/>
    public Encoder Encoder => Model.BaseEncoder;

    /// <inheritdoc/>
    public long ParameterCount => Model.ParameterCount - Model.MomentumEncoder.ParameterCount;

    /// <inheritdoc/>
    public long TrainedParameterCount => Model.TrainableParameterCount;

    // Every similarity equal: −log(1/B) times 2τ, for both directions.
    /// <inheritdoc/>
    public double CollapseLoss => 4 * _settings.Recipe.Temperature * Math.Log(_settings.Recipe.Batch);

    /// <inheritdoc/>
    public StepOutcome Step(
        IReadOnlyList<Tensor> views, double epoch, Action<NdArray>? onFeatures = null, Action? onBusy = null)
    {
        ArgumentNullException.ThrowIfNull(views);
        using Anomaly? anomaly = _settings.Run.Anomaly ? new Anomaly() : null;
        using var scope = new StepScope();
        double rate = _settings.Recipe.LearningRate(epoch);
        double momentum = _settings.Recipe.EncoderMomentum(epoch);
        MoCoOutput output = Model.Loss(views[0], views[1], momentum);
        onFeatures?.Invoke(output.Features);
        output.Loss.Backward();
        var readings = new StepReadings(
            GradientNorms.Begin(_watched),
            output.Loss.Data,
            OutputSpread.Of(output.Q1.Data),
            OutputSpread.Of(output.Q2.Data));
        onBusy?.Invoke();
        (double[] scalars, IReadOnlyList<double?> lengths) = readings.Read();
        (double loss, var norms) = (scalars[0], PartNorms.Of(lengths));
        DivergedException.RequireFinite(loss, "the loss", _optimizer.StepCount + 1, rate);
        DivergedException.RequireFinite(norms.All ?? 0, "the length of the gradient", _optimizer.StepCount + 1, rate);
        _optimizer.Step(rate);
        _optimizer.ZeroGrad(); // now rather than before the next step: an evaluation may come first and use the memory
        return new StepOutcome(loss, rate, momentum, norms, (scalars[1] + scalars[2]) / 2);
    }

    /// <inheritdoc/>
    public NdArray Features(ReadOnlySpan<byte> pixels) => Model.Features(_input.ToTensor(pixels));

    /// <inheritdoc/>
    public IReadOnlyList<NamedArray> State() => [.. Model.State(), .. _optimizer.State()];

    /// <inheritdoc/>
    public void Load(IReadOnlyDictionary<string, NdArray> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        ILookup<bool, KeyValuePair<string, NdArray>> isOptimizer =
            state.ToLookup(pair => pair.Key.StartsWith(Optimizer.StatePrefix, StringComparison.Ordinal));
        Model.Load(isOptimizer[false].ToDictionary());
        _optimizer.Load(isOptimizer[true].ToDictionary());
    }
}
