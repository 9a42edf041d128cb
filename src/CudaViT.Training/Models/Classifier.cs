using CudaViT.Core;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Models.Vit;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Models;

/// <summary>
/// An encoder with a linear layer to classes on top, under the names of a pre-trained model: <c>base_encoder.*</c>.
/// </summary>
public sealed class Classifier : Module
{
    /// <summary>Declares the network.</summary>
    /// <param name="settings">The model; <see cref="ModelSettings.Classes"/> must be set.</param>
    /// <exception cref="SettingsException">No network can be built from the settings.</exception>
    public Classifier(ModelSettings settings) => Encoder = AddChild("base_encoder", Encoders.Create(settings));

    /// <summary>The encoder with its head.</summary>
    public Encoder Encoder { get; }

    /// <summary>Leaves branches out in the next training steps; null not to.</summary>
    public StochasticDepth? StochasticDepth
    {
        set
        {
            if (Encoder is VisionTransformer transformer)
            {
                transformer.StochasticDepth = value;
            }
        }
    }

    /// <summary>How well images fit each class.</summary>
    /// <param name="images">[B, channels, H, W], standardized.</param>
    /// <returns>[B, classes].</returns>
    public Tensor Logits(Tensor images) => Encoder.Logits(images);

    /// <summary>
    /// What an average over training steps averages: all parameters, and the running statistics of batch
    /// normalizations.
    /// </summary>
    internal NdArray[] Averaged()
    {
        using var scope = new StepScope(); // of the counters
        return [.. State().Select(named => named.Array).Where(array => array.DType.IsFloatingPoint())];
    }
}
