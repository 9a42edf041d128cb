namespace CudaViT.Training.Evaluation;

/// <summary>How one class did.</summary>
/// <param name="Class">Its number.</param>
/// <param name="Name">Its name, if known.</param>
/// <param name="Images">Held-out images of it.</param>
/// <param name="Top1">Share of them that were recognized, 0 to 1; null without any.</param>
/// <param name="Precision">Share of images taken for this class that are of it; null if there were none.</param>
public sealed record ClassScore(int Class, string? Name, int Images, double? Top1, double? Precision);
