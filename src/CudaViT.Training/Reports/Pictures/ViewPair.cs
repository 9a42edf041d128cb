namespace CudaViT.Training.Reports.Pictures;

/// <summary>An image and the two views that training makes of it.</summary>
/// <param name="Image">The image, uncut but for its middle square.</param>
/// <param name="First">View A.</param>
/// <param name="Second">View B.</param>
public sealed record ViewPair(Picture Image, Picture First, Picture Second);
