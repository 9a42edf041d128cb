namespace CudaViT.Training.Reports.Pictures;

/// <summary>An image and those nearest to it.</summary>
/// <param name="Query">The image.</param>
/// <param name="Label">Its class; null without labels.</param>
/// <param name="Neighbours">The nearest first.</param>
public sealed record NeighbourRow(Picture Query, string? Label, IReadOnlyList<NeighbourPicture> Neighbours);
