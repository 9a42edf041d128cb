using CudaViT.Core;

namespace CudaViT.Training.Nn;

/// <summary>One array of a state: of a model, or of an optimizer.</summary>
/// <param name="Name">Name in a checkpoint.</param>
/// <param name="Array">The values; shared with their owner, not copied.</param>
public readonly record struct NamedArray(string Name, NdArray Array);
