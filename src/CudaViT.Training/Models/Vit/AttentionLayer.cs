using CudaViT.Core;
using CudaViT.Training.Models.Nn;

namespace CudaViT.Training.Models.Vit;

/// <summary>
/// Multi-head self-attention: one projection to queries, keys and values (<c>qkv</c>), one back (<c>proj</c>).
/// </summary>
/// <remarks>
/// MoCo v3 starts queries, keys and values as three D×D matrices with Xavier bounds, not as one of 3D×D
/// (arXiv:2104.02057, section 5).
/// </remarks>
public sealed class AttentionLayer : Module
{
    private readonly LinearLayer _qkv;
    private readonly LinearLayer _proj;
    private readonly int _heads;

    /// <summary>Declares the projections.</summary>
    /// <param name="width">Width D of the tokens.</param>
    /// <param name="heads">Number of heads; divides the width.</param>
    public AttentionLayer(int width, int heads)
    {
        _heads = heads;
        Initializer square = Initializers.XavierUniform(width, width);
        _qkv = AddChild("qkv", new LinearLayer(width, 3 * width, square, Initializers.Zeros));
        _proj = AddChild("proj", new LinearLayer(width, width, square, Initializers.Zeros));
    }

    /// <summary>Lets tokens look at each other.</summary>
    /// <param name="x">Normalized tokens [B, T, D].</param>
    /// <param name="residual">Added to the result, [B, T, D]; null for nothing.</param>
    /// <returns>[B, T, D].</returns>
    public Tensor Forward(Tensor x, Tensor? residual = null) =>
        _proj.Forward(Attention.Apply(_qkv.Forward(x), _heads), residual);

    /// <summary>Where each token looks, for pictures: memory of size T × T, and no gradient.</summary>
    /// <param name="x">Normalized tokens [B, T, D].</param>
    /// <returns>[B, H, T, T]; rows add up to 1.</returns>
    public NdArray Probabilities(Tensor x) =>
        Attention.ApplyWithProbabilities(_qkv.Forward(x), _heads).Probabilities;
}
