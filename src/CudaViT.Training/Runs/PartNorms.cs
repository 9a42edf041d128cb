namespace CudaViT.Training.Runs;

/// <summary>
/// Euclidean lengths of the gradients of a network's parts; null where nothing is trained. In unstable runs a spike
/// shows in the patch projection first and in the last layers tens of steps later (arXiv:2104.02057, section 4.2).
/// </summary>
/// <param name="PatchProjection">The layer that reads pixels.</param>
/// <param name="FirstBlock">First block, or first residual stage.</param>
/// <param name="LastBlock">Last block, or last residual stage.</param>
/// <param name="Heads">Projector and predictor.</param>
/// <param name="All">Everything that is trained.</param>
/// <param name="Blocks">Every block, first to last; null in files of older versions.</param>
public sealed record PartNorms(
    double? PatchProjection,
    double? FirstBlock,
    double? LastBlock,
    double? Heads,
    double? All,
    IReadOnlyList<double?>? Blocks = null)
{
    /// <summary>Sorts lengths in the order of the input layer, every block, the heads, and everything.</summary>
    internal static PartNorms Of(IReadOnlyList<double?> lengths)
    {
        double?[] blocks = [.. lengths.Skip(1).SkipLast(2)];
        return new PartNorms(lengths[0], blocks[0], blocks[^1], lengths[^2], lengths[^1], blocks);
    }
}
