namespace CudaViT.Training.FineTuning;

/// <summary>How a classifier did after an epoch.</summary>
/// <param name="Epoch">Epochs done.</param>
/// <param name="Top1">Share of held-out images whose class has the largest logit, 0 to 1.</param>
/// <param name="Top5">Share of held-out images whose class is among the five largest.</param>
public sealed record FineTuneScore(int Epoch, double Top1, double Top5);
