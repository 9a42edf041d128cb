using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    private const int PhiloxWords = 4;

    /// <inheritdoc/>
    public NdArray Dropout(NdArray x, double p, RandomStream random)
    {
        using ProfilerRange range = Range();
        NdArray y = Empty(x.Shape, x.DType);
        if (x.Count > 0)
        {
            _ = checked((uint)((x.Count - 1) / PhiloxWords)); // a stream has no more numbers
            bool isAligned = IsAligned(x, y);
            int group = isAligned ? Math.Max(PackWidth(x.DType), PhiloxWords) : PhiloxWords;
            Launch(
                isAligned ? "dropout" : "dropout_scalar", x.DType, ElementBlocks(x.Count, group), BlockSize,
                new() { y, x, 1 / (1 - p), DropThreshold(p), random, x.Count });
        }

        return y;
    }

    /// <summary>
    /// What the upper 24 bits of a word must reach for the number to be at least p: p itself may have no equal in the
    /// accumulator type.
    /// </summary>
    private static long DropThreshold(double p) => (long)Math.Ceiling(p * (1 << 24));
}
