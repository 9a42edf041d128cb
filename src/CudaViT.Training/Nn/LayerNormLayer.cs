using CudaViT.Core;

namespace CudaViT.Training.Nn;

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
