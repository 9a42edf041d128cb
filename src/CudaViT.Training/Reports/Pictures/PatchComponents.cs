namespace CudaViT.Training.Reports.Pictures;

/// <summary>The first three principal components of patch features, as colours.</summary>
/// <param name="Images">Image and map of each: red, green and blue are the three components.</param>
/// <param name="Shares">Share of the variance that each component explains.</param>
public sealed record PatchComponents(
    IReadOnlyList<(Picture Image, Picture Map)> Images, IReadOnlyList<double> Shares);
