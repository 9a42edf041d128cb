namespace CudaViT.Core;

/// <summary>Turns 8-bit images into standardized numbers, channels first.</summary>
/// <remarks>
/// y[b, c, h, w] = (x[b, h, w, c] / 255 − mean[c]) / std[c]. Images are data: there is no gradient.
/// </remarks>
public static class NormalizeImages
{
    /// <summary>Standardizes <paramref name="images"/>.</summary>
    /// <param name="images">[B, H, W, C] of U8, as decoders give them.</param>
    /// <param name="mean">Mean of each channel, for pixels in [0, 1].</param>
    /// <param name="std">Standard deviation of each channel, for pixels in [0, 1]; positive.</param>
    /// <param name="dtype">F64, F32 or BF16.</param>
    /// <returns>[B, C, H, W], a constant.</returns>
    /// <exception cref="ArgumentException">
    /// Shape or type are others, a channel lacks its mean or deviation, or a deviation is not positive.
    /// </exception>
    public static Tensor Apply(
        NdArray images, ReadOnlySpan<float> mean, ReadOnlySpan<float> std, DType dtype = DType.F32)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.DType != DType.U8 || images.Shape.Rank != 4)
        {
            throw new ArgumentException(
                $"NormalizeImages: images must be U8 [B, H, W, C], but they are {images.DType}{images.Shape}.");
        }

        int channels = images.Shape[3];
        if (mean.Length != channels || std.Length != channels)
        {
            throw new ArgumentException(
                $"NormalizeImages: the images have {channels} channels, but there are {mean.Length} means and "
                + $"{std.Length} deviations. Give one of each per channel.");
        }

        foreach (float deviation in std)
        {
            if (!(deviation > 0))
            {
                throw new ArgumentException(
                    FormattableString.Invariant(
                        $"NormalizeImages: deviations must be positive, but one is {deviation}."));
            }
        }

        return dtype.IsFloatingPoint()
            ? new Tensor(images.Backend.NormalizeImages(images, mean, std, dtype))
            : throw new ArgumentException($"NormalizeImages: the result must be F64, F32 or BF16, not {dtype}.");
    }
}

public partial interface IBackend
{
    /// <summary>
    /// Returns (x / 255 − mean) / std of U8 images [B, H, W, C] as [B, C, H, W] of a floating-point type.
    /// </summary>
    NdArray NormalizeImages(NdArray images, ReadOnlySpan<float> mean, ReadOnlySpan<float> std, DType dtype);
}
