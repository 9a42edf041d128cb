using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>x·Wᵀ + b with trained W (<c>weight</c>, [out, in]) and b (<c>bias</c>, [out]).</summary>
public sealed class LinearLayer : Module
{
    /// <summary>Declares the parameters.</summary>
    /// <param name="inputs">Width of the input.</param>
    /// <param name="outputs">Width of the output.</param>
    /// <param name="weight">Initial distribution of W.</param>
    /// <param name="bias">Initial distribution of b; null for a layer without.</param>
    public LinearLayer(int inputs, int outputs, Initializer weight, Initializer? bias)
    {
        Weight = AddParameter("weight", [outputs, inputs], weight);
        Bias = bias is null ? null : AddParameter("bias", [outputs], bias);
    }

    /// <summary>W, [out, in].</summary>
    public Parameter Weight { get; }

    /// <summary>b, [out].</summary>
    public Parameter? Bias { get; }

    /// <summary>Applies the layer to the last axis.</summary>
    /// <param name="x">[..., in].</param>
    /// <param name="residual">Added to the result; shape of the result.</param>
    /// <param name="gelu">Apply GELU to the result; not together with a residual.</param>
    /// <returns>[..., out], in the type of <paramref name="x"/>.</returns>
    public Tensor Forward(Tensor x, Tensor? residual = null, bool gelu = false)
    {
        ArgumentNullException.ThrowIfNull(x);
        return Linear.Apply(x, Weight.As(x.DType), Bias?.As(x.DType), residual, gelu);
    }
}
