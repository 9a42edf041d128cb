using CudaViT.Core;
using CudaViT.Training.Data;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs;

/// <summary>Brings pixels to the form a model takes: standardized, channels first, on its device.</summary>
/// <param name="settings">Size, channels and type.</param>
/// <param name="backend">Device to put them on.</param>
/// <param name="normalization">How pixels become numbers around zero.</param>
public sealed class ImageInput(TrainSettings settings, IBackend backend, Normalization normalization)
{
    private readonly float[] _mean = [.. normalization.Mean];
    private readonly float[] _std = [.. normalization.Std];

    /// <summary>Converts images; the caller's step scope owns the result.</summary>
    /// <param name="pixels">[count, size, size, channels].</param>
    /// <returns>[count, channels, size, size].</returns>
    public Tensor ToTensor(ReadOnlySpan<byte> pixels)
    {
        (int size, int channels) = (settings.Model.ImageSize, settings.Model.Channels);
        int count = pixels.Length / (size * size * channels);
        using var role = new MemoryRoleScope(MemoryRole.Data);
        NdArray images = NdArray.From(backend, pixels, [count, size, size, channels]);
        return NormalizeImages.Apply(images, _mean, _std, settings.Dtype);
    }
}
