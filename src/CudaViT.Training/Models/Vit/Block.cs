using CudaViT.Core;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Models.Vit;

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
    public Tensor Forward(Tensor x, Tensor? residual = null) =>
        _second.Forward(_first.Forward(x, gelu: true), residual);
}

/// <summary>
/// Leaves branches of blocks out, for some of the samples, in one training step: the deeper the block, the more often.
/// </summary>
/// <remarks>
/// The rate rises linearly from 0 in the first block to its full value in the last (G. Huang et al., arXiv:1603.09382;
/// for transformers DeiT, arXiv:2012.12877). Attention and MLP of a block are drawn apart.
/// </remarks>
/// <param name="Rate">Rate of the last block, in [0, 1).</param>
/// <param name="Seed">Seed of the run.</param>
/// <param name="Step">Number of the training step: part of the random numbers' address.</param>
public readonly record struct StochasticDepth(double Rate, ulong Seed, long Step)
{
    private const int BranchesPerBlock = 2;

    /// <summary>Drops samples of what a branch adds to the tokens.</summary>
    /// <param name="branch">[B, T, D].</param>
    /// <param name="block">Number of the block, from 0.</param>
    /// <param name="depth">Number of blocks.</param>
    /// <param name="isMlp">Which of its two branches.</param>
    internal Tensor Apply(Tensor branch, int block, int depth, bool isMlp)
    {
        double rate = depth > 1 ? Rate * block / (depth - 1) : 0;
        uint layer = (uint)((block * BranchesPerBlock) + (isMlp ? 1 : 0));
        return DropPath.Apply(branch, rate, Seed, ((ulong)Step << 31) | layer); // epoch = step, sample = layer
    }
}
