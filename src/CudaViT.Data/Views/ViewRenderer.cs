using CudaViT.Data.Pixels;

namespace CudaViT.Data.Views;

/// <summary>Carries out a <see cref="ViewPlan"/>. Keeps scratch memory: one per thread.</summary>
/// <remarks>
/// Crop and resize, jitter, grey, blur, solarise, flip, in this order; every result is rounded to 8 bits.
/// </remarks>
public sealed class ViewRenderer
{
    private readonly ImageResizer _resizer = new();
    private readonly BoxBlur _blur = new();

    /// <summary>Writes a view.</summary>
    /// <param name="source">The image.</param>
    /// <param name="plan">What to make of it; the crop counts pixels of the full size.</param>
    /// <param name="size">Height and width of the view.</param>
    /// <param name="destination">[size, size, channels].</param>
    public void Render(ImageView source, in ViewPlan plan, int size, Span<byte> destination)
    {
        CropBox crop = plan.Crop.Scale(source.FullHeight, source.FullWidth, source.Height, source.Width);
        _resizer.Resize(source, crop, destination, size, size);
        plan.Jitter?.Apply(destination, source.Channels);
        if (plan.Grayscale && source.Channels == 3)
        {
            ImageOps.Grayscale(destination);
        }

        if (plan.BlurSigma is { } sigma)
        {
            _blur.Apply(destination, size, size, source.Channels, sigma);
        }

        if (plan.Solarize)
        {
            ImageOps.Solarize(destination);
        }

        if (plan.Flip)
        {
            ImageOps.FlipHorizontally(destination, size, source.Channels);
        }
    }
}
