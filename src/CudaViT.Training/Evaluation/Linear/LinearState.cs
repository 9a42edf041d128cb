using CudaViT.Core;
using CudaViT.Training.Data;

namespace CudaViT.Training.Evaluation.Linear;

/// <summary>Everything that a linear probe needs to go on with the same bits.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Arrays">Weights, momentum and sums of each classifier by name.</param>
/// <param name="Histories">Scores of each classifier after the epochs that were judged.</param>
/// <param name="LeftOut">Training images that could not be decoded.</param>
internal sealed record LinearState(
    long Step,
    IReadOnlyList<Dictionary<string, NdArray>> Arrays,
    IReadOnlyList<IReadOnlyList<LinearScore>> Histories,
    IReadOnlyList<DamagedImage> LeftOut);
