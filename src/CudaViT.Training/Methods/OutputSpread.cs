using CudaViT.Core;

namespace CudaViT.Training.Methods;

/// <summary>
/// How far the outputs of a batch spread over the unit sphere: the first thing to look at for a collapse.
/// </summary>
/// <remarks>
/// X. Chen, K. He, "Exploring simple Siamese representation learning", arXiv:2011.10566, section 4.1.
/// </remarks>
public static class OutputSpread
{
    /// <summary>
    /// Standard deviation over the batch of each dimension of the normalised outputs, averaged over dimensions,
    /// times √d: 1 for directions drawn evenly, 0 when all are alike.
    /// </summary>
    /// <param name="output">[B, d], F32 or F64.</param>
    /// <returns>A scalar of the same type, which nobody has waited for; the step scope owns it.</returns>
    public static NdArray Of(NdArray output)
    {
        ArgumentNullException.ThrowIfNull(output);
        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        Tensor unit = L2Normalize.Apply(new Tensor(output));
        Tensor difference = unit - unit.Mean([0], keepDims: true);
        Tensor deviations = (difference * difference).Mean([0]).Sqrt();
        return scope.Keep((deviations.Mean() * Math.Sqrt(output.Shape[1])).Data);
    }
}
