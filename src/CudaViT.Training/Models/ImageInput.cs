using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Models;

/// <summary>Brings pixels to the form a model takes: standardized, channels first, on its device.</summary>
/// <param name="settings">Size, channels and type.</param>
/// <param name="backend">Device to put them on.</param>
/// <param name="normalization">How pixels become numbers around zero.</param>
public sealed class ImageInput(TrainSettings settings, IBackend backend, Normalization normalization)
{
    private readonly float[] _mean = [.. normalization.Mean];
    private readonly float[] _std = [.. normalization.Std];

    /// <summary>Shape of so many images: [count, size, size, channels].</summary>
    public static Shape PixelShape(ModelSettings model, int count)
    {
        ArgumentNullException.ThrowIfNull(model);
        return [count, model.ImageSize, model.ImageSize, model.Channels];
    }

    /// <summary>Converts images; the caller's step scope owns the result.</summary>
    /// <param name="pixels">[count, size, size, channels].</param>
    /// <returns>[count, channels, size, size].</returns>
    public Tensor ToTensor(ReadOnlySpan<byte> pixels)
    {
        using var role = new MemoryRoleScope(MemoryRole.Data);
        int count = (int)(pixels.Length / PixelShape(settings.Model, 1).Count);
        return ToTensor(NdArray.From(backend, pixels, PixelShape(settings.Model, count)));
    }

    /// <summary>Converts images that are on the device; the caller's step scope owns the result.</summary>
    /// <param name="pixels">[count, size, size, channels] of U8.</param>
    /// <returns>[count, channels, size, size].</returns>
    public Tensor ToTensor(NdArray pixels)
    {
        using var role = new MemoryRoleScope(MemoryRole.Data);
        return NormalizeImages.Apply(pixels, _mean, _std, settings.Dtype);
    }
}
