using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray DropPath(NdArray x, double p, RandomStream random)
    {
        using ProfilerRange range = Range();
        NdArray y = Empty(x.Shape, x.DType);
        if (x.Count > 0)
        {
            long size = x.Shape.CountFrom(1);
            bool isPacked = IsPacked(size, x, y);
            Launch(
                isPacked ? "drop_path" : "drop_path_scalar", x.DType,
                ElementBlocks(x.Count, isPacked ? PackWidth(x.DType) : 1), BlockSize,
                new() { y, x, 1 / (1 - p), DropThreshold(p), random, x.Shape[0], size });
        }

        return y;
    }
}
