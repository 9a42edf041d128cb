namespace CudaViT.Training.Data;

/// <summary>
/// How two views are made of one image. The defaults are MoCo v3's for ViT (arXiv:2104.02057, and its code).
/// </summary>
/// <remarks>
/// Order of application: crop, jitter, solarise, flip; every result is rounded to 8 bits. All draws are independent
/// between views and images.
/// </remarks>
public sealed record AugmentationSettings
{
    /// <summary>Height and width of a view in pixels. MoCo v3: 224.</summary>
    public required int OutputSize { get; init; }

    /// <summary>Smallest area of a crop, as a share of the image. MoCo v3: 0.08 for ViT, 0.2 for ResNet-50.</summary>
    public double MinCropArea { get; init; } = 0.08;

    /// <summary>Largest area of a crop, as a share of the image.</summary>
    public double MaxCropArea { get; init; } = 1;

    /// <summary>Smallest width / height of a crop; its logarithm is drawn uniformly.</summary>
    public double MinAspectRatio { get; init; } = 3.0 / 4;

    /// <summary>Largest width / height of a crop.</summary>
    public double MaxAspectRatio { get; init; } = 4.0 / 3;

    /// <summary>How often the colours of a view are jittered.</summary>
    public double JitterProbability { get; init; } = 0.8;

    /// <summary>Brightness is multiplied by a factor drawn from 1 - this to 1 + this.</summary>
    public double Brightness { get; init; } = 0.4;

    /// <summary>Contrast is multiplied by a factor drawn from 1 - this to 1 + this.</summary>
    public double Contrast { get; init; } = 0.4;

    /// <summary>How often bright pixels of the first view are inverted.</summary>
    public double SolarizeProbabilityA { get; init; }

    /// <summary>How often bright pixels of the second view are inverted.</summary>
    public double SolarizeProbabilityB { get; init; } = 0.2;

    /// <summary>How often a view is mirrored.</summary>
    public double FlipProbability { get; init; } = 0.5;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    public void Validate()
    {
        Require(OutputSize > 0, nameof(OutputSize), OutputSize, "a positive number of pixels");
        Require(MinCropArea > 0 && MinCropArea <= MaxCropArea, nameof(MinCropArea), MinCropArea,
            "above 0, at most MaxCropArea");
        Require(MaxCropArea <= 1, nameof(MaxCropArea), MaxCropArea, "at most 1");
        Require(MinAspectRatio > 0 && MinAspectRatio <= MaxAspectRatio, nameof(MinAspectRatio), MinAspectRatio,
            "above 0, at most MaxAspectRatio");
        Require(double.IsFinite(MaxAspectRatio), nameof(MaxAspectRatio), MaxAspectRatio, "finite");
        Require(Brightness is >= 0 and <= 1, nameof(Brightness), Brightness, "from 0 to 1");
        Require(Contrast is >= 0 and <= 1, nameof(Contrast), Contrast, "from 0 to 1");
        RequireProbability(JitterProbability, nameof(JitterProbability));
        RequireProbability(SolarizeProbabilityA, nameof(SolarizeProbabilityA));
        RequireProbability(SolarizeProbabilityB, nameof(SolarizeProbabilityB));
        RequireProbability(FlipProbability, nameof(FlipProbability));
    }

    private static void RequireProbability(double value, string name) =>
        Require(value is >= 0 and <= 1, name, value, "a probability from 0 to 1");

    private static void Require(bool holds, string name, double value, string expected)
    {
        if (!holds)
        {
            throw new ArgumentException($"{name} is {value}, but must be {expected}. " +
                "Correct the augmentation settings.");
        }
    }
}
