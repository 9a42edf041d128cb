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

        bool packed = IsPacked(sizes.Width, qkv, y);
        if (packed && sizes.FitsTensorCores && sizes.ForwardBytes(1) <= _driver.Properties.SharedBytesPerBlock)
        {
            MatrixAttention(y, logSumExp, qkv, sizes, scale);
        }
        else
        {
            Launch(
                "attention_forward", qkv.DType, sizes.Blocks(sizes.Width), AttentionThreads,
                new() { y, logSumExp, qkv, scale, sizes.Batch, sizes.Tokens, heads, sizes.Width, packed ? 1 : 0 });
        }

        if (probabilities is not null)
        {
            Launch(
                "attention_probabilities", qkv.DType, sizes.Blocks(sizes.Tokens), AttentionThreads,
                new()
                {
                    probabilities, logSumExp, qkv, scale, sizes.Batch, sizes.Tokens, heads, sizes.Width, packed ? 1 : 0,
                });
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

        bool packed = IsPacked(sizes.Width, qkv, y, dy, dqkv);
        if (packed && sizes.FitsTensorCores && sizes.BackwardBytes <= _driver.Properties.SharedBytesPerBlock)
        {
            Launch(
                sizes.Width == 32 ? "attention_mma_backward_32" : "attention_mma_backward_64", qkv.DType, sizes.Slices,
                sizes.Strips * WarpSize, new() { dqkv, dy, qkv, y, logSumExp, scale, sizes.Batch, sizes.Tokens, heads },
                sizes.BackwardBytes);
            return dqkv;
        }

        NdArray delta = Empty(logSumExp.Shape, logSumExp.DType);
        Launch(
            "attention_delta", qkv.DType, BlocksFor(logSumExp.Count, DeltaSumsPerBlock), 256,
            new() { delta, dy, y, sizes.Batch, sizes.Tokens, heads, sizes.Width, packed ? 1 : 0 });
        Launch(
            "attention_backward", qkv.DType, BlocksFor(3L * sizes.Blocks(sizes.Width), 1), AttentionThreads,
            new()
            { dqkv, dy, qkv, logSumExp, delta, scale, sizes.Batch, sizes.Tokens, heads, sizes.Width, packed ? 1 : 0 });
        delta.Storage.Release();
        return dqkv;
    }

    /// <summary>
    /// The forward pass by tensor cores. Each multiprocessor gets as many blocks as fit, and each of them one slice
    /// after another; where there is memory for two, the next one is fetched meanwhile.
    /// </summary>
    private void MatrixAttention(NdArray y, NdArray logSumExp, NdArray qkv, in AttentionSizes sizes, double scale)
    {
        int available = _driver.Properties.SharedBytesPerBlock;
        int buffers = sizes.ForwardBytes(2) <= available ? 2 : 1;
        int perMultiprocessor = Math.Max(
            1, Math.Min(available / sizes.ForwardBytes(buffers), AttentionSizes.MostStrips / sizes.Strips));
        Launch(
            sizes.Width == 32 ? "attention_mma_forward_32" : "attention_mma_forward_64", qkv.DType,
            (int)Math.Min(sizes.Slices, (long)perMultiprocessor * _driver.Properties.Multiprocessors),
            sizes.Strips * WarpSize,
            new() { y, logSumExp, qkv, scale, sizes.Batch, sizes.Tokens, sizes.Heads, buffers },
            sizes.ForwardBytes(buffers));
    }

    /// <summary>Sizes of packed queries, keys and values.</summary>
    private readonly record struct AttentionSizes(DType DType, int Batch, int Tokens, int Heads, int Width)
    {
        /// <summary>Most warps of a block of <c>attention_mma.cu</c> and its gradient.</summary>
        public const int MostStrips = 13;

        private const int SliceColumns = 64;

        public bool IsEmpty => Batch == 0 || Tokens == 0;

        /// <summary>Whether <c>attention_mma.cu</c> has kernels for these sizes.</summary>
        public bool FitsTensorCores =>
            DType == DType.BF16 && Width is 32 or 64 && Strips <= MostStrips && SlicesOrMore <= int.MaxValue;

        /// <summary>Groups of 16 tokens: the warps of a block.</summary>
        public int Strips => (Tokens + 15) / 16;

        /// <summary>Pieces of 128 bytes of all samples' columns, each the work of a block.</summary>
        public int Slices => (int)SlicesOrMore;

        /// <summary>
        /// Shared memory of a backward block: four operands, dS of one head, and two numbers per head and query.
        /// </summary>
        public int BackwardBytes =>
            (4 * OperandBytes) + (2 * Rows * (Rows + 8)) + (2 * (SliceColumns / Width) * Rows * sizeof(float));

        // Rows of the tiles of attention.cu.
        private int Tile => DType == DType.F64 ? 32 : 64;

        private int Rows => 16 * Strips;

        private int OperandBytes => Rows * SliceColumns * 2;

        private long SlicesOrMore => Batch * (((long)Heads * Width + SliceColumns - 1) / SliceColumns);

        public static AttentionSizes Of(NdArray qkv, int heads) => new(
            qkv.DType, qkv.Shape[0], qkv.Shape[1], heads, qkv.Shape[2] / 3 / heads);

        /// <summary>Shared memory of a forward block: three operands, once or twice.</summary>
        public int ForwardBytes(int buffers) => buffers * 3 * OperandBytes;

        /// <summary>Blocks for tiles of tokens by tiles of columns, for every head of every sample.</summary>
        public int Blocks(int columns) =>
            BlocksFor((long)Batch * Heads * BlocksFor(columns, Tile) * BlocksFor(Tokens, Tile), 1);
    }
}
