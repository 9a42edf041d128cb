namespace CudaViT.Training.Evaluation.Linear;

/// <summary>How a classifier did on the held-out images after an epoch.</summary>
/// <param name="Epoch">Epochs done.</param>
/// <param name="Top1">Share of images whose class has the largest logit, 0 to 1.</param>
/// <param name="Top5">Share of images whose class is among the five largest.</param>
/// <param name="Loss">Mean training loss of the epoch; null when it was not finite.</param>
public sealed record LinearScore(int Epoch, double Top1, double Top5, double? Loss);
