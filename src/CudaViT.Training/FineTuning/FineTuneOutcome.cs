namespace CudaViT.Training.FineTuning;

/// <summary>What a fine-tuning step computed, apart from the update.</summary>
/// <param name="Loss">Cross entropy under the smoothed and mixed targets.</param>
/// <param name="Lr">Learning rate of the update, of the topmost layer.</param>
/// <param name="GradientNorm">Length of the gradient of all parameters together.</param>
/// <param name="OwnWeight">Share of an image's own class in its target; 1 when nothing was mixed.</param>
public sealed record FineTuneOutcome(double Loss, double Lr, double GradientNorm, double OwnWeight);
