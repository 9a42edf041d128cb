using CudaViT.Training.Runs.Shared;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>How a classifier did on the held-out images after an epoch: a line of <c>metrics.jsonl</c>.</summary>
/// <param name="Step">Steps done when it was judged.</param>
/// <param name="Evaluation">Number of the evaluation: epochs done.</param>
/// <param name="Top1">Share of images whose class has the largest logit, 0 to 1.</param>
/// <param name="Top5">Share of images whose class is among the five largest.</param>
/// <param name="AverageTop1">The same of the averaged weights; null without an average.</param>
/// <param name="AverageTop5">The same of the averaged weights.</param>
/// <param name="Timing">Measured by the clock; differs from run to run.</param>
public sealed record FineTuneEvaluation(
    long Step,
    int Evaluation,
    double Top1,
    double Top5,
    double? AverageTop1,
    double? AverageTop5,
    EvaluationTiming Timing);

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
