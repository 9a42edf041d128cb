using CudaViT.Training.Runs;

namespace CudaViT.Training.FineTuning;

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
