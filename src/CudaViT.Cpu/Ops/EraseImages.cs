using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    private const int NormalWork = 64; // of one normal number, in multiplications

    /// <inheritdoc/>
    public void EraseImages(NdArray images, NdArray boxes, int area, RandomStream noise)
    {
        switch (images.DType)
        {
            case DType.F64:
                EraseImages(images, boxes, area, noise, value => value);
                break;
            case DType.F32:
                EraseImages(images, boxes, area, noise, value => (float)value);
                break;
            default:
                EraseImages(images, boxes, area, noise, value => (BFloat16)(float)value);
                break;
        }
    }

    private void EraseImages<T>(
        NdArray images, NdArray boxes, int area, RandomStream noise, Converter<double, T> round)
        where T : unmanaged
    {
        (int channels, int height, int width) = (images.Shape[1], images.Shape[2], images.Shape[3]);
        ForEachChunk((long)boxes.Shape[0] * channels, (long)NormalWork * area, (start, end) =>
        {
            for (long at = start; at < end; at++)
            {
                (int index, int channel) = Math.DivRem((int)at, channels);
                ReadOnlySpan<int> box = boxes.ReadSpan<int>().Slice(index * 5, 5);
                for (int row = 0; row < box[3]; row++)
                {
                    long plane = ((long)box[0] * channels) + channel;
                    long first = (((plane * height) + box[1] + row) * width) + box[2];
                    Span<T> line = images.Span<T>().Slice((int)first, box[4]);
                    for (int i = 0; i < line.Length; i++)
                    {
                        line[i] = round(noise.Normal(first + i));
                    }
                }
            }
        });
    }
}
