using CudaViT.Core;
using CudaViT.Training.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Vit;

/// <summary>A pre-norm transformer block: x ← x + Attn(norm1(x)); x ← x + Mlp(norm2(x)).</summary>
/// <remarks>
/// The residual stream has the type of the input: with BF16 activations it is rounded after every addition, where the
/// paper's mixed precision keeps it wide.
/// </remarks>
public sealed class Block : Module
{
    private readonly LayerNormLayer _norm1;
    private readonly AttentionLayer _attention;
    private readonly NormLayer _norm2;
    private readonly Mlp _mlp;

    /// <summary>Declares the parts.</summary>
    /// <param name="width">Width D of the tokens.</param>
    /// <param name="heads">Number of attention heads; divides the width.</param>
    /// <param name="hidden">Hidden width of the MLP.</param>
    /// <param name="mlpNorm">Normalization before the MLP.</param>
    public Block(int width, int heads, int hidden, MlpNorm mlpNorm = MlpNorm.Layer)
    {
        _norm1 = AddChild("norm1", new LayerNormLayer(width));
        _attention = AddChild("attn", new AttentionLayer(width, heads));
        _norm2 = AddChild<NormLayer>("norm2", mlpNorm == MlpNorm.Layer
            ? new LayerNormLayer(width)
            : new BatchNormLayer(width, Initializers.Ones));
        _mlp = AddChild("mlp", new Mlp(width, hidden));
    }

    /// <summary>Applies the block.</summary>
    /// <param name="x">Tokens [B, T, D].</param>
    /// <param name="groups">Number of equal runs of samples that a batch normalization keeps apart.</param>
    /// <returns>[B, T, D], in the type of <paramref name="x"/>.</returns>
    public Tensor Forward(Tensor x, int groups = 1)
    {
        x = _attention.Forward(_norm1.Forward(x), residual: x);
        return _mlp.Forward(_norm2.Forward(x, groups), residual: x);
    }

    /// <summary>Applies the block in a training step with stochastic depth.</summary>
    /// <param name="x">Tokens [B, T, D].</param>
    /// <param name="groups">Number of equal runs of samples that a batch normalization keeps apart.</param>
    /// <param name="drop">Leaves out what the attention (false) or the MLP (true) adds to some of the samples.</param>
    /// <returns>[B, T, D], in the type of <paramref name="x"/>.</returns>
    internal Tensor Forward(Tensor x, int groups, Func<Tensor, bool, Tensor> drop)
    {
        x += drop(_attention.Forward(_norm1.Forward(x)), false);
        return x + drop(_mlp.Forward(_norm2.Forward(x, groups)), true);
    }

    /// <summary>Where each token of the input would look, for pictures.</summary>
    /// <param name="x">Tokens [B, T, D].</param>
    /// <returns>[B, H, T, T]; rows add up to 1.</returns>
    public NdArray AttentionProbabilities(Tensor x) => _attention.Probabilities(_norm1.Forward(x));
}
