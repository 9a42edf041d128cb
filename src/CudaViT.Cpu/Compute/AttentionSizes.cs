using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>Sizes of attention on packed queries, keys and values [Batch, Tokens, 3, Heads, HeadWidth].</summary>
internal readonly record struct AttentionSizes(int Batch, int Tokens, int Heads, int HeadWidth)
{
    /// <summary>Elements of one token's result.</summary>
    public int Width => Heads * HeadWidth;

    /// <summary>Heads of all samples; none when there are no tokens to attend to.</summary>
    public long Items => Tokens == 0 ? 0 : (long)Batch * Heads;

    /// <summary>Elements that pass through the softmax, which outweighs what the products read.</summary>
    public long WorkPerHead => (long)Tokens * (Tokens + HeadWidth);

    public static AttentionSizes Of(NdArray qkv, int heads) =>
        new(qkv.Shape[0], qkv.Shape[1], heads, qkv.Shape[2] / 3 / heads);
}
