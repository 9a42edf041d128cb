using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>A model with its optimizer: makes one training step after another.</summary>
public sealed class Learner
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
    public Learner(TrainSettings settings, IBackend backend, Normalization normalization)
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

    /// <summary>Makes a step: loss of two views, gradients, update.</summary>
    /// <param name="first">First views, [B, channels, size, size], standardized.</param>
    /// <param name="second">Second views of the same images.</param>
    /// <param name="epoch">Epochs done before this step; a fraction.</param>
    /// <param name="onFeatures">
    /// Gets the base encoder's features of the first views, valid during the call. They need not be computed yet: who
    /// reads them keeps the device waiting.
    /// </param>
    /// <param name="onBusy">
    /// Called while the device has the whole step but the update to compute: the moment to send the next batch.
    /// </param>
    /// <exception cref="RunException">Loss or gradient is not finite; nothing was updated.</exception>
    /// <exception cref="AnomalyException">The same in anomaly mode: the message names the operation.</exception>
    public StepOutcome Step(
        Tensor first, Tensor second, double epoch, Action<NdArray>? onFeatures = null, Action? onBusy = null)
    {
        using Anomaly? anomaly = _settings.Run.Anomaly ? new Anomaly() : null;
        using var scope = new StepScope();
        double rate = _settings.Recipe.LearningRate(epoch);
        double momentum = _settings.Recipe.EncoderMomentum(epoch);
        MoCoOutput output = Model.Loss(first, second, momentum);
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
        RunException.RequireFinite(loss, "the loss", _optimizer.StepCount + 1, rate);
        RunException.RequireFinite(norms.All ?? 0, "the length of the gradient", _optimizer.StepCount + 1, rate);
        _optimizer.Step(rate);
        _optimizer.ZeroGrad(); // now rather than before the next step: an evaluation may come first and use the memory
        return new StepOutcome(loss, rate, momentum, norms, (scalars[1] + scalars[2]) / 2);
    }

    /// <summary>Features of images by the base encoder in evaluation mode; the caller's step scope owns them.</summary>
    /// <param name="pixels">[count, size, size, channels].</param>
    /// <returns>[count, feature width].</returns>
    public NdArray Features(ReadOnlySpan<byte> pixels) => Model.Features(_input.ToTensor(pixels));

    /// <summary>Model and optimizer by name. Counters are allocated by this call: use within a step scope.</summary>
    public IReadOnlyList<NamedArray> State() => [.. Model.State(), .. _optimizer.State()];

    /// <summary>Takes over a state, as <see cref="State"/> gives it.</summary>
    /// <exception cref="StateException">It does not fit; the message says why.</exception>
    public void Load(IReadOnlyDictionary<string, NdArray> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        ILookup<bool, KeyValuePair<string, NdArray>> isOptimizer =
            state.ToLookup(pair => pair.Key.StartsWith(Optimizer.StatePrefix, StringComparison.Ordinal));
        Model.Load(isOptimizer[false].ToDictionary());
        _optimizer.Load(isOptimizer[true].ToDictionary());
    }
}

/// <summary>What a training step computed, apart from the update.</summary>
/// <param name="Loss">Contrastive loss, both directions summed.</param>
/// <param name="Lr">Learning rate of the update.</param>
/// <param name="Momentum">Momentum of the momentum encoder.</param>
/// <param name="GradientNorms">Lengths of the gradients.</param>
/// <param name="OutputStd">Spread of the normalised queries; see <see cref="StepMetrics.OutputStd"/>.</param>
public sealed record StepOutcome(double Loss, double Lr, double Momentum, PartNorms GradientNorms, double OutputStd);

/// <summary>
/// How far the outputs of a batch spread over the unit sphere: the first thing to look at for a collapse.
/// </summary>
/// <remarks>
/// X. Chen, K. He, "Exploring simple Siamese representation learning", arXiv:2011.10566, section 4.1.
/// </remarks>
public static class OutputSpread
{
    /// <summary>
    /// Standard deviation over the batch of each dimension of the normalised outputs, averaged over dimensions,
    /// times √d: 1 for directions drawn evenly, 0 when all are alike.
    /// </summary>
    /// <param name="output">[B, d], F32 or F64.</param>
    /// <returns>A scalar of the same type, which nobody has waited for; the step scope owns it.</returns>
    public static NdArray Of(NdArray output)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        Tensor unit = L2Normalize.Apply(new Tensor(output));
        Tensor difference = unit - unit.Mean([0], keepDims: true);
        Tensor deviations = (difference * difference).Mean([0]).Sqrt();
        return scope.Keep((deviations.Mean() * Math.Sqrt(output.Shape[1])).Data);
    }
}
