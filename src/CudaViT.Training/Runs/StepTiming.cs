namespace CudaViT.Training.Runs;

/// <summary>What the clock says about a step.</summary>
/// <param name="Milliseconds">Duration of the step, waiting included.</param>
/// <param name="ImagesPerSecond">Images (not views) of the batch over that duration.</param>
/// <param name="WaitingShare">Part of the duration spent waiting for data, 0 to 1.</param>
public sealed record StepTiming(double Milliseconds, double ImagesPerSecond, double WaitingShare);
