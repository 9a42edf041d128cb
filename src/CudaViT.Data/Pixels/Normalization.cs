using System.Numerics;

namespace CudaViT.Data.Pixels;

/// <summary>Mean and standard deviation of each channel, in units of the full scale 255.</summary>
/// <param name="Mean">One per channel, 0 to 1.</param>
/// <param name="Std">One per channel, positive.</param>
public sealed record Normalization(IReadOnlyList<float> Mean, IReadOnlyList<float> Std)
{
    /// <summary>ImageNet's usual values, which the MoCo v3 recipe uses.</summary>
    public static Normalization ImageNet { get; } = new([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    /// <summary>Measures interleaved 8-bit pixels; a channel without any variation gets a deviation of 1.</summary>
    /// <param name="pixels">Any number of whole pixels.</param>
    /// <param name="channels">Bytes in a pixel.</param>
    public static Normalization Measure(ReadOnlySpan<byte> pixels, int channels)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(channels);
        var mean = new float[channels];
        var std = new float[channels];
        long count = pixels.Length / channels;
        for (int channel = 0; channel < channels; channel++)
        {
            // Integer sums: exact, whatever the number of pixels.
            (long sum, long sumOfSquares) = (0, 0);
            for (int i = channel; i < pixels.Length; i += channels)
            {
                int value = pixels[i];
                sum += value;
                sumOfSquares += value * value;
            }

            double average = (double)sum / Math.Max(count, 1);
            double variance = ((double)sumOfSquares / Math.Max(count, 1)) - (average * average);
            mean[channel] = (float)(average / 255);
            std[channel] = variance > 0 ? (float)(Math.Sqrt(variance) / 255) : 1;
        }

        return new Normalization(mean, std);
    }

    /// <summary>(pixel / 255 - mean) / std, from interleaved bytes to one plane per channel.</summary>
    /// <param name="images">[count, plane, channels], where plane is height * width.</param>
    /// <param name="planeSize">Pixels in an image.</param>
    /// <param name="destination">[count, channels, plane].</param>
    /// <exception cref="ArgumentException">The spans differ in length, or are not whole images.</exception>
    public void Apply<T>(ReadOnlySpan<byte> images, int planeSize, Span<T> destination)
        where T : IBinaryFloatingPointIeee754<T>
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(planeSize);
        int channels = Mean.Count;
        if (images.Length != destination.Length || images.Length % (planeSize * channels) != 0)
        {
            throw new ArgumentException(
                $"{images.Length} bytes for {destination.Length} numbers are not images of {planeSize} pixels and " +
                $"{channels} channels.");
        }

        for (int channel = 0; channel < channels; channel++)
        {
            T[] table = Table<T>(channel);
            for (int image = 0; image < images.Length; image += planeSize * channels)
            {
                ReadOnlySpan<byte> source = images.Slice(image, planeSize * channels);
                Span<T> plane = destination.Slice(image + (channel * planeSize), planeSize);
                for (int i = 0; i < plane.Length; i++)
                {
                    plane[i] = table[source[(i * channels) + channel]];
                }
            }
        }
    }

    private T[] Table<T>(int channel)
        where T : IBinaryFloatingPointIeee754<T>
    {
        (T mean, T std) = (T.CreateTruncating(Mean[channel]), T.CreateTruncating(Std[channel]));
        var table = new T[256];
        for (int value = 0; value < table.Length; value++)
        {
            table[value] = ((T.CreateTruncating(value) / T.CreateTruncating(255)) - mean) / std;
        }

        return table;
    }
}
