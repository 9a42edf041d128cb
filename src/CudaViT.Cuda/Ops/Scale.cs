using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Scale(NdArray x, double factor)
    {
        using ProfilerRange range = Range();
        NdArray y = Empty(x.Shape, x.DType);
        if (x.Count > 0)
        {
            bool isAligned = IsAligned(x, y);
            Launch(
                isAligned ? "scale" : "scale_scalar", x.DType,
                ElementBlocks(x.Count, isAligned ? PackWidth(x.DType) : 1),
                BlockSize, new() { y, x, factor, x.Count });
        }

        return y;
    }
}
