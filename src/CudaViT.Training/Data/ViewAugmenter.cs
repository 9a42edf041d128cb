namespace CudaViT.Training.Data;

/// <summary>
/// Makes the random views of an image. What comes out is a pure function of (seed, epoch, sample, view) and the image.
/// </summary>
/// <remarks>Keeps scratch memory: one per thread.</remarks>
public sealed class ViewAugmenter
{
    private readonly AugmentationSettings _settings;
    private readonly ulong _seed;
    private readonly ViewRenderer _renderer = new();

    /// <summary>Fixes the settings and the seed.</summary>
    /// <exception cref="ArgumentException">The settings are not valid.</exception>
    public ViewAugmenter(AugmentationSettings settings, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(settings);
        settings.Validate();
        (_settings, _seed) = (settings, seed);
    }

    /// <summary>Writes one view.</summary>
    /// <param name="source">The image.</param>
    /// <param name="epoch">From 0.</param>
    /// <param name="sample">Index of the image in its data set.</param>
    /// <param name="view">0 is view A, 1 view B, then come the extra crops.</param>
    /// <param name="destination">[size, size, channels], with the size of this view.</param>
    public void Augment(ImageView source, int epoch, int sample, int view, Span<byte> destination)
    {
        var plan = ViewPlan.Draw(_settings, _seed, epoch, sample, view, source.Height, source.Width);
        _renderer.Render(source, plan, _settings.SizeOf(view), destination);
    }
}
