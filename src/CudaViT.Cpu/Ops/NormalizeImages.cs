using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    /// <inheritdoc/>
    public NdArray NormalizeImages(NdArray images, ReadOnlySpan<float> mean, ReadOnlySpan<float> std, DType dtype)
    {
        // A pixel has 256 values, so each channel's results are looked up, each rounded once from double.
        double[] table = new double[mean.Length * 256];
        for (int i = 0; i < table.Length; i++)
        {
            (int channel, int pixel) = Math.DivRem(i, 256);
            table[i] = ((pixel / 255.0) - mean[channel]) / std[channel];
        }

        return dtype switch
        {
            DType.F64 => LookUpPixels(images, table, dtype),
            DType.F32 => LookUpPixels(images, Array.ConvertAll(table, value => (float)value), dtype),
            _ => LookUpPixels(images, Array.ConvertAll(table, value => (BFloat16)value), dtype),
        };
    }

    private NdArray LookUpPixels<T>(NdArray images, T[] table, DType dtype)
        where T : unmanaged
    {
        (int batch, int height, int width, int channels) =
            (images.Shape[0], images.Shape[1], images.Shape[2], images.Shape[3]);
        NdArray y = Empty([batch, channels, height, width], dtype);
        ForEachChunk((long)batch * channels * height, width, (start, end) =>
        {
            for (int line = (int)start; line < end; line++)
            {
                (int plane, int row) = Math.DivRem(line, height);
                (int image, int channel) = Math.DivRem(plane, channels);
                ReadOnlySpan<byte> pixels = images.ReadSpan<byte>().Slice(((image * height) + row) * width * channels);
                ReadOnlySpan<T> values = table.AsSpan(channel * 256, 256);
                Span<T> result = y.Span<T>().Slice(line * width, width);
                for (int i = 0, at = channel; i < result.Length; i++, at += channels)
                {
                    result[i] = values[pixels[at]];
                }
            }
        });
        return y;
    }
}
