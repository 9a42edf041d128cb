using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    private const int AttentionThreads = 64;
    private const int DeltaSumsPerBlock = 32;

    /// <inheritdoc/>
    public (NdArray Y, NdArray LogSumExp, NdArray? Probabilities) Attention(
        NdArray qkv, int heads, double scale, bool withProbabilities)
    {
        using ProfilerRange range = Range();
        AttentionSizes sizes = AttentionSizes.Of(qkv, heads);
        NdArray y = Empty([sizes.Batch, sizes.Tokens, heads * sizes.Width], qkv.DType);
        NdArray logSumExp = Empty([sizes.Batch, heads, sizes.Tokens], qkv.DType.Accumulator());
        NdArray? probabilities =
            withProbabilities ? Empty([sizes.Batch, heads, sizes.Tokens, sizes.Tokens], qkv.DType) : null;
        if (sizes.IsEmpty)
        {
            return (y, logSumExp, probabilities);
        }

        int packed = IsPacked(sizes.Width, qkv, y) ? 1 : 0;
        Launch(
            "attention_forward", qkv.DType, sizes.Blocks(sizes.Width), AttentionThreads,
            new() { y, logSumExp, qkv, scale, sizes.Batch, sizes.Tokens, heads, sizes.Width, packed });
        if (probabilities is not null)
        {
            Launch(
                "attention_probabilities", qkv.DType, sizes.Blocks(sizes.Tokens), AttentionThreads,
                new() { probabilities, logSumExp, qkv, scale, sizes.Batch, sizes.Tokens, heads, sizes.Width, packed });
        }

        return (y, logSumExp, probabilities);
    }

    /// <inheritdoc/>
    public NdArray AttentionBackward(NdArray dy, NdArray qkv, NdArray y, NdArray logSumExp, int heads, double scale)
    {
        using ProfilerRange range = Range();
        AttentionSizes sizes = AttentionSizes.Of(qkv, heads);
        NdArray dqkv = Empty(qkv.Shape, qkv.DType);
        if (sizes.IsEmpty)
        {
            return dqkv;
        }

        int packed = IsPacked(sizes.Width, qkv, y, dy, dqkv) ? 1 : 0;
        NdArray delta = Empty(logSumExp.Shape, logSumExp.DType);
        Launch(
            "attention_delta", qkv.DType, BlocksFor(logSumExp.Count, DeltaSumsPerBlock), 256,
            new() { delta, dy, y, sizes.Batch, sizes.Tokens, heads, sizes.Width, packed });
        Launch(
            "attention_backward", qkv.DType, BlocksFor(3L * sizes.Blocks(sizes.Width), 1), AttentionThreads,
            new() { dqkv, dy, qkv, logSumExp, delta, scale, sizes.Batch, sizes.Tokens, heads, sizes.Width, packed });
        delta.Storage.Release();
        return dqkv;
    }

    /// <summary>Sizes of packed queries, keys and values.</summary>
    private readonly record struct AttentionSizes(int Batch, int Tokens, int Heads, int Width, int Tile)
    {
        public bool IsEmpty => Batch == 0 || Tokens == 0;

        public static AttentionSizes Of(NdArray qkv, int heads) => new(
            qkv.Shape[0], qkv.Shape[1], heads, qkv.Shape[2] / 3 / heads, qkv.DType == DType.F64 ? 32 : 64);

        /// <summary>Blocks for tiles of tokens by tiles of columns, for every head of every sample.</summary>
        public int Blocks(int columns) =>
            BlocksFor((long)Batch * Heads * BlocksFor(columns, Tile) * BlocksFor(Tokens, Tile), 1);
    }
}
