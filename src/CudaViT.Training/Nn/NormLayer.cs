using CudaViT.Core;

namespace CudaViT.Training.Nn;

/// <summary>A normalization with trained scale and shift.</summary>
public abstract class NormLayer : Module
{
    /// <summary>Normalizes.</summary>
    /// <param name="x">Activations.</param>
    /// <param name="groups">
    /// Number of equal runs of samples that are treated as batches of their own, such as the two views of one pass. Has
    /// no meaning where samples do not touch each other.
    /// </param>
    /// <returns>Shape and type of <paramref name="x"/>.</returns>
    public abstract Tensor Forward(Tensor x, int groups = 1);
}
