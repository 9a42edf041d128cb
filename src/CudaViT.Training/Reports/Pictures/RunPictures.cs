namespace CudaViT.Training.Reports.Pictures;

/// <summary>The pictures of a report: what the encoder gets, and what it makes of it.</summary>
public sealed record RunPictures
{
    /// <summary>Training steps of the encoder.</summary>
    public required long Step { get; init; }

    /// <summary>Images with their two views, as the first epoch has them.</summary>
    public required IReadOnlyList<ViewPair> Pairs { get; init; }

    /// <summary>Images with those nearest to them in feature space.</summary>
    public IReadOnlyList<NeighbourRow> Neighbours { get; init; } = [];

    /// <summary>Where the neighbours come from, in words.</summary>
    public string NeighbourSource { get; init; } = "";

    /// <summary>Where the last block looks; empty for networks without attention.</summary>
    public IReadOnlyList<AttentionRow> Attention { get; init; } = [];

    /// <summary>Main directions of the patch features; null for networks without patches.</summary>
    public PatchComponents? Components { get; init; }
}

/// <summary>A small 8-bit image of a report.</summary>
/// <param name="Pixels">[height, width, channels].</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
/// <param name="Channels">1 (grey), 3 (red, green, blue) or 4 (with alpha).</param>
public sealed record Picture(byte[] Pixels, int Height, int Width, int Channels)
{
    private string? _dataUri;

    /// <summary>The picture as a PNG file within an address.</summary>
    internal string DataUri =>
        _dataUri ??= "data:image/png;base64," + Convert.ToBase64String(PngEncoder.Encode(this));
}

/// <summary>Where the last block looks in an image.</summary>
/// <param name="Image">The image.</param>
/// <param name="Mean">Mean of all heads, one value a patch, as a heat map to lay over the image.</param>
/// <param name="Heads">Each head on its own.</param>
public sealed record AttentionRow(Picture Image, Picture Mean, IReadOnlyList<Picture> Heads);

/// <summary>An image near another.</summary>
/// <param name="Image">The image.</param>
/// <param name="Label">Its class; null without labels.</param>
/// <param name="Cosine">Cosine of the angle between the features.</param>
public sealed record NeighbourPicture(Picture Image, string? Label, double Cosine);

/// <summary>An image and those nearest to it.</summary>
/// <param name="Query">The image.</param>
/// <param name="Label">Its class; null without labels.</param>
/// <param name="Neighbours">The nearest first.</param>
public sealed record NeighbourRow(Picture Query, string? Label, IReadOnlyList<NeighbourPicture> Neighbours);

/// <summary>The first three principal components of patch features, as colours.</summary>
/// <param name="Images">Image and map of each: red, green and blue are the three components.</param>
/// <param name="Shares">Share of the variance that each component explains.</param>
public sealed record PatchComponents(
    IReadOnlyList<(Picture Image, Picture Map)> Images, IReadOnlyList<double> Shares);

/// <summary>An image and the two views that training makes of it.</summary>
/// <param name="Image">The image, uncut but for its middle square.</param>
/// <param name="First">View A.</param>
/// <param name="Second">View B.</param>
public sealed record ViewPair(Picture Image, Picture First, Picture Second);
