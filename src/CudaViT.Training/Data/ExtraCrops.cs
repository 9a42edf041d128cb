namespace CudaViT.Training.Data;

/// <summary>
/// Further views of every image besides A and B, usually smaller ones of smaller parts: multi-crop (SwAV,
/// arXiv:2006.09882, section 3.2). The defaults are SwAV's.
/// </summary>
public sealed record ExtraCrops
{
    /// <summary>Views of this kind for each image.</summary>
    public required int Count { get; init; }

    /// <summary>Height and width of a view in pixels.</summary>
    public int Size { get; init; } = 96;

    /// <summary>Smallest area of a crop, as a share of the image.</summary>
    public double MinCropArea { get; init; } = 0.05;

    /// <summary>Largest area of a crop, as a share of the image.</summary>
    public double MaxCropArea { get; init; } = 0.14;

    /// <summary>How often a view is blurred.</summary>
    public double BlurProbability { get; init; } = 0.5;

    /// <summary>How often bright pixels of a view are inverted.</summary>
    public double SolarizeProbability { get; init; }
}
