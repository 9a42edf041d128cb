namespace CudaViT.Training.Runs;

/// <summary>What the clock says about an evaluation.</summary>
/// <param name="Seconds">Duration of feature extraction and vote.</param>
public sealed record EvaluationTiming(double Seconds);
