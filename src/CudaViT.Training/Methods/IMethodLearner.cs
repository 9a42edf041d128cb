using CudaViT.Core;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;

namespace CudaViT.Training.Methods;

/// <summary>
/// A pre-training method at work: a model with its optimizer, which makes one training step after another. Runs know
/// methods through this alone; each has a folder here, and the runs have one place that picks one by the settings.
/// </summary>
public interface IMethodLearner
{
    /// <summary>The encoder that is trained, and used afterwards.</summary>
    Encoder Encoder { get; }

    /// <summary>Parameters of the networks that learn; slowly following copies are not counted.</summary>
    long ParameterCount { get; }

    /// <summary>Parameters that are trained.</summary>
    long TrainedParameterCount { get; }

    /// <summary>Loss when all embeddings are alike: what a collapsed encoder would have.</summary>
    double CollapseLoss { get; }

    /// <summary>Makes a step: loss of the views, gradients, update.</summary>
    /// <param name="views">Views of the same images, each [B, channels, size, size], standardized.</param>
    /// <param name="epoch">Epochs done before this step; a fraction.</param>
    /// <param name="onFeatures">
    /// Gets the encoder's features of the first views, valid during the call. They need not be computed yet: who reads
    /// them keeps the device waiting.
    /// </param>
    /// <param name="onBusy">
    /// Called while the device has the whole step but the update to compute: the moment to send the next batch.
    /// </param>
    /// <exception cref="DivergedException">Loss or gradient is not finite; nothing was updated.</exception>
    /// <exception cref="AnomalyException">The same in anomaly mode: the message names the operation.</exception>
    StepOutcome Step(
        IReadOnlyList<Tensor> views, double epoch, Action<NdArray>? onFeatures = null, Action? onBusy = null);

    /// <summary>Features of images by the encoder in evaluation mode; the caller's step scope owns them.</summary>
    /// <param name="pixels">[count, size, size, channels].</param>
    /// <returns>[count, feature width].</returns>
    NdArray Features(ReadOnlySpan<byte> pixels);

    /// <summary>Model and optimizer by name. Counters are allocated by this call: use within a step scope.</summary>
    IReadOnlyList<NamedArray> State();

    /// <summary>Takes over a state, as <see cref="State"/> gives it.</summary>
    /// <exception cref="StateException">It does not fit; the message says why.</exception>
    void Load(IReadOnlyDictionary<string, NdArray> state);
}

/// <summary>What a training step computed, apart from the update.</summary>
/// <param name="Loss">What the method minimizes.</param>
/// <param name="Lr">Learning rate of the update.</param>
/// <param name="Momentum">Momentum of the momentum encoder.</param>
/// <param name="GradientNorms">Lengths of the gradients.</param>
/// <param name="OutputStd">Spread of the normalised outputs; see <see cref="OutputSpread"/>.</param>
public sealed record StepOutcome(double Loss, double Lr, double Momentum, PartNorms GradientNorms, double OutputStd);
