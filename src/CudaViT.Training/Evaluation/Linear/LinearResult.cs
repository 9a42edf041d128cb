using CudaViT.Training.Nn;

namespace CudaViT.Training.Evaluation.Linear;

/// <summary>What a linear probe comes to.</summary>
/// <param name="Report">The numbers.</param>
/// <param name="Classifier"><c>head.weight</c> and <c>head.bias</c> of the chosen classifier.</param>
public sealed record LinearResult(LinearReport Report, IReadOnlyList<NamedArray> Classifier);
