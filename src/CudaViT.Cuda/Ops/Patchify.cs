using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Patchify(NdArray x, int patch)
    {
        using ProfilerRange range = Range();
        (int channels, int height, int width) = (x.Shape[1], x.Shape[2], x.Shape[3]);
        NdArray patches = Empty(
            [x.Shape[0], height / patch * (width / patch), channels * patch * patch], x.DType);
        if (x.Count > 0)
        {
            bool isPacked = IsPacked(patch, x, patches);
            Launch(
                isPacked ? "patchify" : "patchify_scalar", KernelBuilds.ForMoving(x.DType),
                ElementBlocks(x.Count, isPacked ? PackWidth(x.DType) : 1), BlockSize,
                new() { patches, x, x.Count, channels, height, width, patch });
        }

        return patches;
    }
}
