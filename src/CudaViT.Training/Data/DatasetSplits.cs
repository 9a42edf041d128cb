namespace CudaViT.Training.Data;

/// <summary>The two parts of a data set.</summary>
/// <param name="Train">What to learn from.</param>
/// <param name="HeldOut">What to judge by, with the same classes; null if the source has no such part.</param>
public sealed record DatasetSplits(IImageDataset Train, IImageDataset? HeldOut);
