using CudaViT.Core;

namespace CudaViT.Training.Nn;

/// <summary>A name in the state of a model, and the shape of what belongs to it.</summary>
/// <param name="Name">Relative to the module that was asked.</param>
/// <param name="Shape">Dimensions; none for a counter.</param>
public sealed record StateEntry(string Name, Shape Shape);
