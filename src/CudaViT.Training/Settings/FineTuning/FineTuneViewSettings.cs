using System.ComponentModel.DataAnnotations;
using CudaViT.Data.Pixels;
using CudaViT.Data.Supervised;

namespace CudaViT.Training.Settings.FineTuning;

/// <summary>
/// How images are changed in fine-tuning. The defaults are DeiT's; the size of a view is the model's.
/// </summary>
[SettingsSection]
public sealed record FineTuneViewSettings
{
    /// <summary>Smallest share of an image's area that a random crop takes.</summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double CropMinimum { get; init; } = 0.08;

    /// <summary>Share of the views that are mirrored, left to right.</summary>
    [Range(0.0, 1.0)]
    public double FlipProbability { get; init; } = 0.5;

    /// <summary>Operations of RandAugment that a view goes through; 0 for colour jitter instead.</summary>
    [Range(0, 15)]
    public int RandAugmentOperations { get; init; } = 2;

    /// <summary>Mean strength of RandAugment's operations.</summary>
    [Range(0.0, 10.0)]
    public double RandAugmentMagnitude { get; init; } = 9;

    /// <summary>Standard deviation of that strength.</summary>
    [Range(0.0, 10.0)]
    public double RandAugmentDeviation { get; init; } = 0.5;

    /// <summary>
    /// Without RandAugment, brightness, contrast and saturation are multiplied by factors from 1 − this to 1 + this.
    /// </summary>
    [Range(0.0, 1.0)]
    public double ColorJitter { get; init; } = 0.4;

    /// <summary>Share of the views in which a box becomes noise.</summary>
    [Range(0.0, 1.0)]
    public double EraseProbability { get; init; } = 0.25;

    /// <summary>
    /// How often an epoch has each of its images, in different views; an epoch stays as long and so has fewer images.
    /// </summary>
    [Range(1, byte.MaxValue)]
    public int Repeats { get; init; } = 3;

    /// <summary>How images are resized, test images as well.</summary>
    public Interpolation Interpolation { get; init; } = Interpolation.Bicubic;

    /// <summary>
    /// Pixels that the shorter side of a test image is resized to before its middle is cut out, at least the model's
    /// image size; null for 256 where the model takes 224 pixels, and in proportion.
    /// </summary>
    [Range(1, 1 << 16)]
    public int? TestShortSide { get; init; }

    /// <summary>All that the loader needs to make views.</summary>
    /// <param name="size">Height and width in pixels.</param>
    /// <param name="normalization">Statistics of the images: what has no pixel gets their mean colour.</param>
    internal SupervisedViews ToViews(int size, Normalization normalization) => new()
    {
        OutputSize = size,
        Fill = SupervisedViews.FillOf(normalization),
        MinCropArea = CropMinimum,
        Interpolation = Interpolation,
        FlipProbability = FlipProbability,
        RandAugment = RandAugmentOperations == 0 ? null : new RandAugmentSettings
        {
            Operations = RandAugmentOperations,
            Magnitude = RandAugmentMagnitude,
            MagnitudeDeviation = RandAugmentDeviation,
        },
        ColorJitter = ColorJitter,
    };
}
