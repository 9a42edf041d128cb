namespace CudaViT.Core;

/// <summary>Makes augmented views of 8-bit images on the device that trains.</summary>
/// <remarks>
/// Crop and antialiased resize, jitter of colours, grey, three box blurs, solarise, flip, each rounded to 8 bits, then
/// (x / 255 − mean) / std, channels first: MoCo v3's pipeline (arXiv:2104.02057, and its code) in Pillow's arithmetic.
/// Images are data: there is no gradient.
/// </remarks>
public static class AugmentViews
{
    /// <summary>Overwrites <paramref name="views"/>.</summary>
    /// <param name="views">
    /// [N, C, S, S] of F64, F32 or BF16 on an <see cref="IAugmentingBackend"/>; C is 1 or 3.
    /// </param>
    /// <param name="pixels">U8: images anywhere in it, row-major, the channels of a pixel side by side.</param>
    /// <param name="transforms">One per view.</param>
    /// <param name="mean">Mean of each channel, for pixels in [0, 1].</param>
    /// <param name="std">Standard deviation of each channel, for pixels in [0, 1]; positive.</param>
    /// <exception cref="ArgumentException">
    /// Shapes, types or numbers are others, a crop leaves the pixels, or the backend makes no views.
    /// </exception>
    public static void Apply(
        NdArray views,
        NdArray pixels,
        ReadOnlySpan<ViewTransform> transforms,
        ReadOnlySpan<float> mean,
        ReadOnlySpan<float> std)
    {
        ArgumentNullException.ThrowIfNull(views);
        ArgumentNullException.ThrowIfNull(pixels);
        if (views.Backend is not IAugmentingBackend backend)
        {
            throw new ArgumentException(
                $"AugmentViews: {views.Backend.Name} makes no views. Render them before they are uploaded.");
        }

        if (!views.DType.IsFloatingPoint() || views.Shape.Rank != 4 || views.Shape[0] != transforms.Length
            || views.Shape[1] is not (1 or 3) || views.Shape[2] != views.Shape[3])
        {
            throw new ArgumentException(
                $"AugmentViews: views must be [{transforms.Length}, 1 or 3, S, S] of a floating-point type, "
                + $"but they are {views.Description}.");
        }

        int channels = views.Shape[1];
        if (views.Shape[2] < 1 || views.Shape[2] > backend.LargestView(channels))
        {
            throw new ArgumentException(
                $"AugmentViews: views are {views.Shape[2]} pixels wide; with {channels} channels they can be 1 to "
                + $"{backend.LargestView(channels)}. Make larger ones on the CPU.");
        }

        if (pixels.DType != DType.U8)
        {
            throw new ArgumentException($"AugmentViews: pixels must be U8, but they are {pixels.Description}.");
        }

        if (mean.Length != channels || std.Length != channels
            || std.ContainsAnyExceptInRange(float.Epsilon, float.MaxValue))
        {
            throw new ArgumentException(
                $"AugmentViews: {channels} channels need as many means and positive deviations, but there are "
                + $"{mean.Length} and {std.Length}.");
        }

        for (int i = 0; i < transforms.Length; i++)
        {
            RequireInside(transforms[i], i, channels, pixels.Count);
        }

        if (transforms.Length > 0)
        {
            backend.AugmentViews(views, pixels, transforms, mean, std);
            views.Storage.MarkChanged();
        }
    }

    private static void RequireInside(in ViewTransform view, int index, int channels, long bytes)
    {
        long rowBytes = (long)view.Width * channels;
        if (view.Source < 0 || view.Height < 1 || view.Width < 1 || rowBytes > view.RowBytes
            || view.Source + ((view.Height - 1L) * view.RowBytes) + rowBytes > bytes)
        {
            throw new ArgumentException(
                $"AugmentViews: the crop of view {index} is not inside {bytes} bytes of pixels: {view}.");
        }

        if (view.Blur.Radius < 0)
        {
            throw new ArgumentException($"AugmentViews: the blur of view {index} has a negative radius: {view.Blur}.");
        }
    }
}

/// <summary>
/// One box of a blur in 24-bit fixed point: (Inner * (the pixel and its neighbours up to Radius) + Outer * (the two
/// neighbours at Radius + 1)) / 2²⁴, rounded. The default is no blur.
/// </summary>
/// <param name="Radius">Whole pixels on each side, not negative.</param>
/// <param name="Inner">Weight of the pixels up to the radius; 0 for no blur.</param>
/// <param name="Outer">Weight of the next ones.</param>
public readonly record struct BlurBox(int Radius, uint Inner, uint Outer);

/// <summary>One change of colour, as <c>kernels/common/pixels.cuh</c> numbers them.</summary>
public enum ColorStep
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Blend with black.</summary>
    Brightness,

    /// <summary>Blend with the mean of the grey image. At most once in a transform.</summary>
    Contrast,

    /// <summary>Blend with the grey image; nothing in a grey one.</summary>
    Saturation,

    /// <summary>Turn of the colour circle; nothing in a grey image.</summary>
    Hue,
}

/// <summary>Up to four changes of colour, one after the other.</summary>
/// <param name="First">Applied first.</param>
/// <param name="Second">Applied second.</param>
/// <param name="Third">Applied third.</param>
/// <param name="Fourth">Applied last.</param>
/// <param name="Brightness">Factor of a blend with black.</param>
/// <param name="Contrast">Factor of a blend with the mean of the grey image.</param>
/// <param name="Saturation">Factor of a blend with the grey image.</param>
/// <param name="Hue">Turn of the colour circle in 256ths, −255 to 255.</param>
public readonly record struct ColorTransform(
    ColorStep First,
    ColorStep Second,
    ColorStep Third,
    ColorStep Fourth,
    float Brightness,
    float Contrast,
    float Saturation,
    int Hue);

/// <summary>How one view is made of an image: all that was drawn, in the numbers that a kernel needs.</summary>
/// <param name="Source">Where the crop begins in the packed pixels, in bytes.</param>
/// <param name="RowBytes">From one row of the image to the next, in bytes.</param>
/// <param name="Height">Rows of the crop; positive.</param>
/// <param name="Width">Columns of the crop; positive.</param>
/// <param name="Colors">Jitter of colours; the default changes nothing.</param>
/// <param name="Grayscale">Whether red, green and blue become equal; nothing in a grey image.</param>
/// <param name="Blur">The box of the blur; the default changes nothing.</param>
/// <param name="Solarize">Whether values of 128 and more are inverted.</param>
/// <param name="Flip">Whether the view is mirrored left to right.</param>
public readonly record struct ViewTransform(
    long Source,
    int RowBytes,
    int Height,
    int Width,
    ColorTransform Colors = default,
    bool Grayscale = false,
    BlurBox Blur = default,
    bool Solarize = false,
    bool Flip = false);
