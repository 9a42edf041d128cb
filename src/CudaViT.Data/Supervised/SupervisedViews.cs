using CudaViT.Data.Pixels;
using CudaViT.Data.Views;

namespace CudaViT.Data.Supervised;

/// <summary>
/// How the one view of an image is made that a classifier learns from. The defaults are DeiT's (arXiv:2012.12877).
/// </summary>
/// <remarks>
/// Order of application: crop, flip, RandAugment or else colour jitter; every result is rounded to 8 bits. Erasing and
/// mixing come later, after normalization.
/// </remarks>
public sealed record SupervisedViews : IViewRecipe
{
    /// <summary>Height and width of a view in pixels.</summary>
    public required int OutputSize { get; init; }

    /// <summary>What comes from outside the image when it is moved: its mean colour, a byte for each channel.</summary>
    public required IReadOnlyList<byte> Fill { get; init; }

    /// <summary>Smallest area of a crop, as a share of the image.</summary>
    public double MinCropArea { get; init; } = 0.08;

    /// <summary>How a crop is resized.</summary>
    public Interpolation Interpolation { get; init; } = Interpolation.Bicubic;

    /// <summary>How often a view is mirrored.</summary>
    public double FlipProbability { get; init; } = 0.5;

    /// <summary>Operations of RandAugment; null for none.</summary>
    public RandAugmentSettings? RandAugment { get; init; } = new();

    /// <summary>
    /// Without RandAugment, brightness, contrast and saturation are multiplied by factors from 1 - this to 1 + this.
    /// </summary>
    public double ColorJitter { get; init; } = 0.4;

    /// <inheritdoc/>
    public int ViewCount => 1;

    /// <summary>The mean colour of a data set, as a fill.</summary>
    public static byte[] FillOf(Normalization normalization)
    {
        ArgumentNullException.ThrowIfNull(normalization);
        return [.. normalization.Mean.Select(mean => (byte)Math.Clamp(Math.Round(255 * mean), 0, 255))];
    }

    /// <inheritdoc/>
    public int SizeOf(int view) => OutputSize;

    /// <inheritdoc/>
    public void Validate()
    {
        Require(OutputSize > 0, nameof(OutputSize), OutputSize, "a positive number of pixels");
        Require(Fill.Count is 1 or 3, nameof(Fill), Fill.Count, "1 or 3 bytes");
        Require(MinCropArea is > 0 and <= 1, nameof(MinCropArea), MinCropArea, "above 0, at most 1");
        Require(FlipProbability is >= 0 and <= 1, nameof(FlipProbability), FlipProbability, "from 0 to 1");
        Require(ColorJitter is >= 0 and <= 1, nameof(ColorJitter), ColorJitter, "from 0 to 1");
        if (RandAugment is { } augment)
        {
            Require(augment.Operations >= 0, nameof(augment.Operations), augment.Operations, "at least 0");
            Require(
                augment.Probability is >= 0 and <= 1, nameof(augment.Probability), augment.Probability, "from 0 to 1");
            Require(augment.Magnitude is >= 0 and <= 10, nameof(augment.Magnitude), augment.Magnitude, "from 0 to 10");
            double deviation = augment.MagnitudeDeviation;
            Require(deviation is >= 0 and <= 10, nameof(augment.MagnitudeDeviation), deviation, "from 0 to 10");
        }
    }

    /// <inheritdoc/>
    public IViewMaker CreateMaker(ulong seed) => new SupervisedViewMaker(this, seed);

    private static void Require(bool holds, string name, double value, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} is {value}, but must be {expected}. Correct the view settings.");
        }
    }
}
