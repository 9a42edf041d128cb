using CudaViT.Training.Models.Nn;
using CudaViT.Training.Models.ResNet;
using CudaViT.Training.Models.Vit;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Models;

/// <summary>Builds networks: the one place that knows all architectures.</summary>
public static class Encoders
{
    /// <summary>Builds the encoder that settings describe, without values.</summary>
    /// <exception cref="SettingsException">No network can be built from the settings.</exception>
    public static Encoder Create(ModelSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Architecture == Architecture.ResNet50
            ? new ResNet50(settings)
            : new VisionTransformer(settings);
    }
}
