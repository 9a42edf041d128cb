namespace CudaViT.Training.Evaluation.Linear;

/// <summary>What one learning rate came to.</summary>
/// <param name="BaseLearningRate">Rate for a batch of 256.</param>
/// <param name="PeakLearningRate">Rate of the first epoch.</param>
/// <param name="Last">After the last epoch.</param>
/// <param name="Best">After the epoch with the highest top-1 accuracy, the first among equals.</param>
/// <param name="History">After every epoch.</param>
public sealed record LinearRate(
    double BaseLearningRate,
    double PeakLearningRate,
    LinearScore Last,
    LinearScore Best,
    IReadOnlyList<LinearScore> History);
