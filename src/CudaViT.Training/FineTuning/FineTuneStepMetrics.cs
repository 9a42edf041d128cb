using CudaViT.Training.Runs;

namespace CudaViT.Training.FineTuning;

/// <summary>What one fine-tuning step is measured by: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Number of the step, from 1.</param>
/// <param name="Epoch">Epochs done after this step; a fraction.</param>
/// <param name="Loss">Cross entropy under the smoothed and mixed targets.</param>
/// <param name="Lr">Learning rate of this step, of the topmost layer.</param>
/// <param name="GradientNorm">Euclidean norm of the gradient of all parameters.</param>
/// <param name="OwnWeight">Share of an image's own class in its target; 1 when nothing was mixed.</param>
/// <param name="Timing">Measured by the clock; differs from run to run.</param>
public sealed record FineTuneStepMetrics(
    long Step, double Epoch, double Loss, double Lr, double GradientNorm, double OwnWeight, StepTiming Timing);
