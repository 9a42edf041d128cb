using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cpu;

public sealed partial class CpuBackend
{
    private const int Levels = byte.MaxValue + 1;

    /// <inheritdoc/>
    public NdArray NormalizeImages(NdArray images, ReadOnlySpan<float> mean, ReadOnlySpan<float> std, DType dtype)
    {
        // A pixel has few values, so each channel's results are looked up, each rounded once from double.
        double[] table = new double[mean.Length * Levels];
        for (int i = 0; i < table.Length; i++)
        {
            (int channel, int pixel) = Math.DivRem(i, Levels);
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
        ForEachChunk((long)batch * height, width * channels, (start, end) =>
        {
            for (int line = (int)start; line < end; line++)
            {
                (int image, int row) = Math.DivRem(line, height);
                ReadOnlySpan<byte> pixels = images.ReadSpan<byte>().Slice(line * width * channels, width * channels);
                Span<T> planes = y.Span<T>()[(((image * channels * height) + row) * width)..];
                if (channels == 3)
                {
                    LookUpColors(pixels, table, planes, height * width);
                    continue;
                }

                for (int channel = 0; channel < channels; channel++)
                {
                    ReadOnlySpan<T> values = table.AsSpan(channel * Levels, Levels);
                    Span<T> result = planes.Slice(channel * height * width, width);
                    for (int i = 0, at = channel; i < result.Length; i++, at += channels)
                    {
                        result[i] = values[pixels[at]];
                    }
                }
            }
        });
        return y;
    }

    // The same for red, green and blue. References, because checks of indices would take longer than the rest.
    private static void LookUpColors<T>(
        ReadOnlySpan<byte> pixels, ReadOnlySpan<T> table, Span<T> planes, int planeSize)
        where T : unmanaged
    {
        int width = pixels.Length / 3;
        ArgumentOutOfRangeException.ThrowIfLessThan(table.Length, 3 * Levels);
        ref T red = ref MemoryMarshal.GetReference(planes[..width]);
        ref T green = ref MemoryMarshal.GetReference(planes.Slice(planeSize, width));
        ref T blue = ref MemoryMarshal.GetReference(planes.Slice(2 * planeSize, width));
        ref byte pixel = ref MemoryMarshal.GetReference(pixels);
        ref T value = ref MemoryMarshal.GetReference(table);
        for ((nint i, nint at) = (0, 0); i < width; i++, at += 3)
        {
            Unsafe.Add(ref red, i) = Unsafe.Add(ref value, (nint)Unsafe.Add(ref pixel, at));
            Unsafe.Add(ref green, i) = Unsafe.Add(ref value, Levels + Unsafe.Add(ref pixel, at + 1));
            Unsafe.Add(ref blue, i) = Unsafe.Add(ref value, (2 * Levels) + Unsafe.Add(ref pixel, at + 2));
        }
    }
}
