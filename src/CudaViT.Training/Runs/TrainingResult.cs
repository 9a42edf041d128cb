namespace CudaViT.Training.Runs;

/// <summary>How a training run ended.</summary>
/// <param name="IsComplete">
/// False when it was asked to stop before its last step; it can go on from its checkpoint.
/// </param>
/// <param name="Step">Steps done.</param>
/// <param name="Evaluations">All evaluations of this process, in order.</param>
public sealed record TrainingResult(bool IsComplete, long Step, IReadOnlyList<EvaluationMetrics> Evaluations);
