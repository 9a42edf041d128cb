using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public NdArray Unpatchify(NdArray x, int channels, int height, int width, int patch)
    {
        using ProfilerRange range = Range();
        NdArray images = Empty([x.Shape[0], channels, height, width], x.DType);
        if (x.Count > 0)
        {
            bool isPacked = IsPacked(patch, x, images);
            Launch(
                isPacked ? "unpatchify" : "unpatchify_scalar", KernelBuilds.ForMoving(x.DType),
                ElementBlocks(x.Count, isPacked ? PackWidth(x.DType) : 1), BlockSize,
                new() { images, x, x.Count, channels, height, width, patch });
        }

        return images;
    }
}
