namespace CudaViT.Backend.Tests;

/// <summary>An 8-bit image [height, width, channels].</summary>
internal sealed record Picture(byte[] Pixels, int Height, int Width, int Channels)
{
    /// <summary>Noise over a slope, with some pixels at both ends of the range.</summary>
    public static Picture Random(int height, int width, int channels, int seed)
    {
        var random = new Random(seed);
        byte[] pixels = new byte[height * width * channels];
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)Math.Clamp((i * 256L / pixels.Length) + random.Next(-90, 90), 0, 255);
        }

        return new Picture(pixels, height, width, channels);
    }
}
