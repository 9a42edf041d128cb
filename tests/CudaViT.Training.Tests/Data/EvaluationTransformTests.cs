using CudaViT.Data.Pixels;
using CudaViT.Data.Views;

namespace CudaViT.Training.Tests.Data;

/// <summary>The view by which an image is judged, of images of any shape.</summary>
public sealed class EvaluationTransformTests
{
    // Enlarged and reduced, wide and high, on both sides of a strip of 32 rows, and decoded at half of its size.
    [Theory]
    [InlineData(40, 300, 1)]
    [InlineData(300, 40, 1)]
    [InlineData(7, 90, 1)]
    [InlineData(90, 7, 1)]
    [InlineData(1, 50, 1)]
    [InlineData(50, 1, 1)]
    [InlineData(32, 32, 1)]
    [InlineData(35, 32, 1)]
    [InlineData(200, 333, 2)]
    [InlineData(33, 32, 2)]
    public void It_is_the_middle_of_the_whole_image_resized(int fullHeight, int fullWidth, int divisor)
    {
        const int ShortSide = 32;
        const int Crop = 27;
        (int height, int width) = ((fullHeight + divisor - 1) / divisor, (fullWidth + divisor - 1) / divisor);
        foreach (Interpolation interpolation in Enum.GetValues<Interpolation>())
        {
            var image = new ImageView(Noise(height * width * 3), height, width, 3, fullHeight, fullWidth);
            byte[] actual = new byte[Crop * Crop * 3];
            new EvaluationTransform(ShortSide, Crop, interpolation).Apply(image, actual);

            int rows = fullHeight <= fullWidth ? ShortSide : ShortSide * fullHeight / fullWidth;
            int columns = fullHeight <= fullWidth ? ShortSide * fullWidth / fullHeight : ShortSide;
            byte[] whole = new byte[rows * columns * 3];
            new ImageResizer(interpolation).Resize(image, new CropBox(0, 0, height, width), whole, rows, columns);
            int top = (int)Math.Round((rows - Crop) / 2.0);
            int left = (int)Math.Round((columns - Crop) / 2.0);
            byte[] expected = [.. Enumerable.Range(top, Crop)
                .SelectMany(y => whole.AsSpan(((y * columns) + left) * 3, Crop * 3).ToArray())];
            Assert.Equal(expected, actual);
        }
    }

    // Resized as a whole, the shortest of these would take 1.4 GB, and the numbers of the longest do not fit 32 bits.
    [Theory]
    [InlineData(1, 7_000)]
    [InlineData(7_000, 1)]
    [InlineData(1, 30_000_000)]
    [InlineData(30_000_000, 1)]
    [InlineData(33, 1_000_000)]
    [InlineData(1_000_000, 33)]
    public void A_thin_image_takes_memory_for_its_view_alone(int height, int width)
    {
        byte[] pixels = new byte[height * width * 3];
        pixels.AsSpan(pixels.Length / 2).Fill(100);
        byte[] view = new byte[224 * 224 * 3];
        var transform = new EvaluationTransform(256, 224);
        long before = GC.GetAllocatedBytesForCurrentThread();
        transform.Apply(new ImageView(pixels, height, width, 3), view);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);

        // The middle of a dark half and a lighter one: half a pixel of each is seen.
        if (Math.Min(height, width) == 1)
        {
            Assert.InRange(view[0], 0, 20);
            Assert.InRange(view[^1], 80, 100);
        }
    }

    private static byte[] Noise(int size)
    {
        byte[] pixels = new byte[size];
        new System.Random(size).NextBytes(pixels);
        return pixels;
    }
}
