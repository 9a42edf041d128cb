using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

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

/// <summary>Layer normalization over the last axis, ε = 10⁻⁶; <c>weight</c> starts at 1, <c>bias</c> at 0.</summary>
public sealed class LayerNormLayer : NormLayer
{
    private const double Epsilon = 1e-6;

    private readonly Parameter _weight;
    private readonly Parameter _bias;

    /// <summary>Declares the parameters.</summary>
    /// <param name="width">Length of the last axis.</param>
    public LayerNormLayer(int width)
    {
        _weight = AddParameter("weight", [width], Initializers.Ones);
        _bias = AddParameter("bias", [width], Initializers.Zeros);
    }

    /// <inheritdoc/>
    public override Tensor Forward(Tensor x, int groups = 1)
    {
        ArgumentNullException.ThrowIfNull(x);
        return LayerNorm.Apply(x, _weight.As(x.DType), _bias.As(x.DType), Epsilon);
    }
}
