namespace CudaViT.Training.Reports.Runs;

/// <summary>Steps on which the gradient of a part was far longer than usual.</summary>
/// <param name="Part">The part of the network.</param>
/// <param name="Start">First of the steps.</param>
/// <param name="Peak">The step on which it was longest.</param>
/// <param name="Ratio">Its length then, over the median of the steps before.</param>
internal readonly record struct GradientSpike(string Part, long Start, long Peak, double Ratio);
