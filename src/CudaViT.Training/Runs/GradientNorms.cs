namespace CudaViT.Training.Runs;

/// <summary>
/// Euclidean norm of the gradient of a few groups of parameters. In unstable runs a spike shows in the patch projection
/// first and in the last layers tens of steps later (arXiv:2104.02057, section 4.2).
/// </summary>
/// <param name="PatchProjection">Of the layer that reads pixels; 0 when it is frozen.</param>
/// <param name="FirstBlock">Of the first block, or the first residual stage.</param>
/// <param name="LastBlock">Of the last block, or the last residual stage.</param>
/// <param name="Heads">Of projector and predictor.</param>
/// <param name="All">Of all parameters that are trained.</param>
public sealed record GradientNorms(double PatchProjection, double FirstBlock, double LastBlock, double Heads, double All);
