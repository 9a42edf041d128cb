using System.ComponentModel.DataAnnotations;

namespace CudaViT.Training.Settings;

/// <summary>What a run is trained on.</summary>
public sealed record DataSettings
{
    /// <summary>A file or folder; null for the images that come with the program.</summary>
    public string? Path { get; init; }

    /// <summary>Train on at most this many images, spread evenly over the data set; null for all.</summary>
    [Range(1, int.MaxValue)]
    public int? Limit { get; init; }
}
