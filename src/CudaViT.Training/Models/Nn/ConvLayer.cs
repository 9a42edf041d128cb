using CudaViT.Core;

namespace CudaViT.Training.Models.Nn;

/// <summary>A square convolution; <c>weight</c> is [out, in, kernel, kernel], <c>bias</c> [out].</summary>
public sealed class ConvLayer : Module
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;
    private readonly int _stride;
    private readonly int _padding;

    /// <summary>Declares the parameters.</summary>
    /// <param name="inputs">Channels of the input.</param>
    /// <param name="outputs">Channels of the output.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="stride">Distance of two outputs, in pixels of the input.</param>
    /// <param name="padding">Zeros on each side.</param>
    /// <param name="weight">Initial distribution of the weights.</param>
    /// <param name="bias">Initial distribution of the bias; null for a layer without.</param>
    public ConvLayer(
        int inputs, int outputs, int kernel, int stride, int padding, Initializer weight, Initializer? bias = null)
    {
        (_stride, _padding) = (stride, padding);
        _weight = AddParameter("weight", [outputs, inputs, kernel, kernel], weight);
        _bias = bias is null ? null : AddParameter("bias", [outputs], bias);
    }

    /// <summary>Convolves.</summary>
    /// <param name="x">[N, in, H, W].</param>
    /// <returns>[N, out, H', W'], in the type of <paramref name="x"/>.</returns>
    public Tensor Forward(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return Conv2d.Apply(x, _weight.As(x.DType), _bias?.As(x.DType), _stride, _padding);
    }
}
