namespace CudaViT.Training.Reports.Pictures;

/// <summary>An image near another.</summary>
/// <param name="Image">The image.</param>
/// <param name="Label">Its class; null without labels.</param>
/// <param name="Cosine">Cosine of the angle between the features.</param>
public sealed record NeighbourPicture(Picture Image, string? Label, double Cosine);
