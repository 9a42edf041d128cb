using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cuda;

public sealed partial class CudaBackend
{
    private const int ChannelsPerLaunch = 16;

    /// <inheritdoc/>
    public NdArray NormalizeImages(NdArray images, ReadOnlySpan<float> mean, ReadOnlySpan<float> std, DType dtype)
    {
        using ProfilerRange range = Range();
        (int batch, int height, int width, int channels) =
            (images.Shape[0], images.Shape[1], images.Shape[2], images.Shape[3]);
        NdArray y = Empty([batch, channels, height, width], dtype);
        if (y.Count == 0)
        {
            return y;
        }

        long pixels = (long)height * width;
        bool isPacked = IsPacked(pixels, y);
        for (int first = 0; first < channels; first += ChannelsPerLaunch)
        {
            int count = Math.Min(ChannelsPerLaunch, channels - first);
            var statistics = default(ChannelStatistics);
            mean.Slice(first, count).CopyTo(statistics.Mean);
            std.Slice(first, count).CopyTo(statistics.Std);
            KernelArguments arguments = new() { y, images };
            arguments.AddStructure(statistics);
            arguments.Add(batch);
            arguments.Add(pixels);
            arguments.Add(channels);
            arguments.Add(first);
            arguments.Add(count);
            Launch(
                isPacked ? "normalize_images" : "normalize_images_scalar", dtype,
                ElementBlocks(batch * pixels, isPacked ? PackWidth(dtype) : 1), BlockSize, arguments);
        }

        return y;
    }

    /// <summary>Means, then deviations, as <c>kernels/normalize_images.cu</c> declares them.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ChannelStatistics
    {
        public PerChannel Mean;
        public PerChannel Std;

        [InlineArray(ChannelsPerLaunch)]
        public struct PerChannel
        {
            private float _first;
        }
    }
}
