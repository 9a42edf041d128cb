using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;

namespace CudaViT.Data.Views;

/// <summary>
/// The one view by which an image is judged: its shorter side resized, then a square cut from the middle. Where the
/// image has the size of the crop already, nothing changes.
/// </summary>
/// <remarks>Keeps scratch memory: one per thread.</remarks>
public sealed class EvaluationTransform : IDecodeScale
{
    // 256 for crops of 224. Small images have nothing to spare at their edges.
    private const double UsualScale = 256.0 / 224;
    private const int SmallImage = 64;

    private readonly int _shortSide;
    private readonly int _cropSize;
    private readonly ImageResizer _resizer;

    /// <summary>Sets the sizes in pixels; the usual pair is 256 and 224.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The crop is empty or larger than the shorter side.</exception>
    public EvaluationTransform(
        int shortSide, int cropSize, Interpolation interpolation = Interpolation.Bilinear)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(cropSize);
        ArgumentOutOfRangeException.ThrowIfLessThan(shortSide, cropSize);
        (_shortSide, _cropSize, _resizer) = (shortSide, cropSize, new ImageResizer(interpolation));
    }

    /// <summary>What the shorter side is usually resized to before a crop of a size: 256 for 224.</summary>
    public static int UsualShortSide(int cropSize) =>
        cropSize < SmallImage ? cropSize : (int)Math.Round(cropSize * UsualScale);

    /// <inheritdoc/>
    public double Smallest(int height, int width) => (double)_shortSide / Math.Min(height, width);

    /// <summary>
    /// Writes the view of <paramref name="source"/> to <paramref name="destination"/> [crop, crop, channels].
    /// </summary>
    /// <remarks>
    /// Only what the crop needs is computed: an image of one row is resized to hundreds of rows of a length in
    /// proportion, which no memory may hold.
    /// </remarks>
    public void Apply(ImageView source, Span<byte> destination)
    {
        (long height, long width) = source.FullHeight <= source.FullWidth
            ? ((long)_shortSide, (long)_shortSide * source.FullWidth / source.FullHeight)
            : ((long)_shortSide * source.FullHeight / source.FullWidth, (long)_shortSide);

        // Half a pixel too much goes to the even side, as Math.Round and the reference have it.
        long top = (long)Math.Round((height - _cropSize) / 2.0);
        long left = (long)Math.Round((width - _cropSize) / 2.0);
        _resizer.Resize(
            source,
            new CropBox(0, 0, source.Height, source.Width),
            destination,
            new ResizedWindow(height, width, top, left, _cropSize, _cropSize));
    }
}
