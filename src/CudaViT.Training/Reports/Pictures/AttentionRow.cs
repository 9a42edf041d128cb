namespace CudaViT.Training.Reports.Pictures;

/// <summary>Where the last block looks in an image.</summary>
/// <param name="Image">The image.</param>
/// <param name="Mean">Mean of all heads, one value a patch, as a heat map to lay over the image.</param>
/// <param name="Heads">Each head on its own.</param>
public sealed record AttentionRow(Picture Image, Picture Mean, IReadOnlyList<Picture> Heads);
