using CudaViT.Core;

namespace CudaViT.Training.Vit;

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
