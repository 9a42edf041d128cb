using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public void EraseImages(NdArray images, NdArray boxes, int area, RandomStream noise)
    {
        using ProfilerRange range = Range();
        _ = checked((uint)((images.Count - 1) / 2)); // a stream has no more numbers
        (int count, int channels) = (boxes.Shape[0], images.Shape[1]);
        if (count > 0)
        {
            Launch(
                "erase_images", images.DType,
                new Dim3(checked(count * channels), (int)BlocksFor(area, BlockSize)), BlockSize,
                new() { images, boxes, noise, count, area, channels, images.Shape[2], images.Shape[3] });
        }
    }
}
