namespace CudaViT.Training.Data.Supervised;

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
