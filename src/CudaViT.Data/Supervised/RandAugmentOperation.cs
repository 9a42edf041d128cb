namespace CudaViT.Data.Supervised;

/// <summary>What RandAugment chooses from, all equally likely, numbered in the order of the reference.</summary>
public enum RandAugmentOperation
{
    /// <summary>Stretch each channel to the full range.</summary>
    AutoContrast,

    /// <summary>Make all values of a channel about equally frequent.</summary>
    Equalize,

    /// <summary>Negative.</summary>
    Invert,

    /// <summary>Turn by up to 30 degrees to either side.</summary>
    Rotate,

    /// <summary>Keep 4 bits of every value, or fewer.</summary>
    Posterize,

    /// <summary>Invert what is bright, from ever darker values on.</summary>
    Solarize,

    /// <summary>Brighten what is dark, by up to 110.</summary>
    SolarizeAdd,

    /// <summary>Change the saturation by a factor from 0.1 to 1.9.</summary>
    Color,

    /// <summary>Change the contrast by a factor from 0.1 to 1.9.</summary>
    Contrast,

    /// <summary>Change the brightness by a factor from 0.1 to 1.9.</summary>
    Brightness,

    /// <summary>Change the sharpness by a factor from 0.1 to 1.9.</summary>
    Sharpness,

    /// <summary>Slant sideways, by up to 0.3 of the height.</summary>
    ShearX,

    /// <summary>Slant up or down, by up to 0.3 of the width.</summary>
    ShearY,

    /// <summary>Move sideways, by up to 0.45 of the width.</summary>
    TranslateX,

    /// <summary>Move up or down, by up to 0.45 of the height.</summary>
    TranslateY,
}

/// <summary>
/// RandAugment: a few operations for every image, drawn among fifteen with their strengths (E. Cubuk et al.,
/// arXiv:1909.13719). The defaults are DeiT's (arXiv:2012.12877), written rand-m9-mstd0.5-inc1 elsewhere.
/// </summary>
public sealed record RandAugmentSettings
{
    /// <summary>Operations that are drawn for an image; the same one may come twice.</summary>
    public int Operations { get; init; } = 2;

    /// <summary>How often a drawn operation is carried out.</summary>
    public double Probability { get; init; } = 0.5;

    /// <summary>Mean strength, from 0 to 10.</summary>
    public double Magnitude { get; init; } = 9;

    /// <summary>Standard deviation of the strength, which is then cut to 0 to 10.</summary>
    public double MagnitudeDeviation { get; init; } = 0.5;
}
