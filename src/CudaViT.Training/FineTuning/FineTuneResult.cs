namespace CudaViT.Training.FineTuning;

/// <summary>How a fine-tuning run ended.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Report">
/// The result; null when it was asked to stop before its last step: it can go on from its checkpoint.
/// </param>
public sealed record FineTuneResult(long Step, FineTuneReport? Report);
