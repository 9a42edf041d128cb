using CudaViT.Core;
using CudaViT.Training.Nn;

namespace CudaViT.Training.Vit;

/// <summary>Two linear layers with exact GELU between them: <c>fc1</c>, <c>fc2</c>.</summary>
public sealed class Mlp : Module
{
    private readonly LinearLayer _first;
    private readonly LinearLayer _second;

    /// <summary>Declares the layers.</summary>
    /// <param name="width">Width D of the tokens.</param>
    /// <param name="hidden">Width between the layers.</param>
    public Mlp(int width, int hidden)
    {
        Initializer weight = Initializers.XavierUniform(width, hidden);
        _first = AddChild("fc1", new LinearLayer(width, hidden, weight, Initializers.Zeros));
        _second = AddChild("fc2", new LinearLayer(hidden, width, weight, Initializers.Zeros));
    }

    /// <summary>Transforms every token by itself.</summary>
    /// <param name="x">Normalized tokens [B, T, D].</param>
    /// <param name="residual">Added to the result, [B, T, D]; null for nothing.</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Forward(Tensor x, Tensor? residual = null) => _second.Forward(_first.Forward(x, gelu: true), residual);
}
