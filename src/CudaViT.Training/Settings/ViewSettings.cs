using System.ComponentModel.DataAnnotations;
using CudaViT.Data.Views;

namespace CudaViT.Training.Settings;

/// <summary>
/// How a view is changed after its crop. The size of a view is the model's, the smallest crop the recipe's.
/// </summary>
[SettingsSection]
public sealed record ViewSettings
{
    /// <summary>
    /// Who makes the views: cpu, the threads that read images; or cuda, the device that trains, which leaves these
    /// threads to decode. Both make the same views, so this does not change the result.
    /// </summary>
    public AugmentingDevice Augment { get; init; }

    /// <summary>
    /// Share of the views whose brightness, contrast, saturation and hue are changed, in random order.
    /// </summary>
    [Range(0.0, 1.0)]
    public double JitterProbability { get; init; } = 0.8;

    /// <summary>Brightness is multiplied by a factor drawn from 1 − this to 1 + this.</summary>
    [Range(0.0, 1.0)]
    public double Brightness { get; init; } = 0.4;

    /// <summary>Contrast is multiplied by a factor drawn from 1 − this to 1 + this.</summary>
    [Range(0.0, 1.0)]
    public double Contrast { get; init; } = 0.4;

    /// <summary>
    /// Saturation is multiplied by a factor drawn from 1 − this to 1 + this. Grey images have none.
    /// </summary>
    [Range(0.0, 1.0)]
    public double Saturation { get; init; } = 0.2;

    /// <summary>Hues are turned by a part of the colour circle drawn from −this to +this; 0.5 is half of it.</summary>
    [Range(0.0, 0.5)]
    public double Hue { get; init; } = 0.1;

    /// <summary>Share of the views that lose their colours.</summary>
    [Range(0.0, 1.0)]
    public double GrayscaleProbability { get; init; } = 0.2;

    /// <summary>
    /// Share of the first views that are blurred, by a Gaussian with a deviation drawn from 0.1 to 2 pixels: mild at
    /// 224 pixels, strong below 64.
    /// </summary>
    [Range(0.0, 1.0)]
    public double BlurProbabilityA { get; init; } = 1;

    /// <summary>Share of the second views that are blurred.</summary>
    [Range(0.0, 1.0)]
    public double BlurProbabilityB { get; init; } = 0.1;

    /// <summary>Share of the first views in which pixels of 128 and more, of 255, are inverted.</summary>
    [Range(0.0, 1.0)]
    public double SolarizeProbabilityA { get; init; }

    /// <summary>Share of the second views in which pixels of 128 and more, of 255, are inverted.</summary>
    [Range(0.0, 1.0)]
    public double SolarizeProbabilityB { get; init; } = 0.2;

    /// <summary>Share of the views that are mirrored, left to right.</summary>
    [Range(0.0, 1.0)]
    public double FlipProbability { get; init; } = 0.5;

    /// <summary>All that the loader needs to make views.</summary>
    /// <param name="size">Height and width in pixels.</param>
    /// <param name="cropMinimum">Smallest area of a crop, as a share of the image.</param>
    internal AugmentationSettings ToAugmentation(int size, double cropMinimum) => new()
    {
        OutputSize = size,
        MinCropArea = cropMinimum,
        JitterProbability = JitterProbability,
        Brightness = Brightness,
        Contrast = Contrast,
        Saturation = Saturation,
        Hue = Hue,
        GrayscaleProbability = GrayscaleProbability,
        BlurProbabilityA = BlurProbabilityA,
        BlurProbabilityB = BlurProbabilityB,
        SolarizeProbabilityA = SolarizeProbabilityA,
        SolarizeProbabilityB = SolarizeProbabilityB,
        FlipProbability = FlipProbability,
    };
}
