using CudaViT.Data.Loading;
using CudaViT.Data.Pixels;
using CudaViT.Data.Views;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Data;

/// <summary>What the loader packs for a device is enough to make its own views of.</summary>
public sealed class PackedLoaderTests
{
    private const ulong Seed = 5;

    // Views of two sizes; crops from tiny to all of the image.
    private static readonly AugmentationSettings Augmentation = new()
    {
        OutputSize = 14,
        MinCropArea = 0.01,
        ExtraCrops = [new ExtraCrops { Count = 2, Size = 9 }],
    };

    private static DataLoaderSettings Settings => new() { BatchSize = 10, Seed = Seed, Epochs = 2 };

    // Just enough for ready views; enough for some crops but not for the box around them; enough for every image.
    [Theory]
    [InlineData(1, 4 * 14 * 14)]
    [InlineData(3, 4 * 14 * 14 * 3)]
    [InlineData(3, 8_000)]
    [InlineData(1, 100_000)]
    [InlineData(3, 100_000)]
    public void Packed_crops_hold_all_that_the_views_need(int channels, int packedBytes)
    {
        var images = new MixedSizes(41, channels);
        using var views = new DataLoader(images, Augmentation, Settings);
        using var packed = new DataLoader(
            images, Augmentation, Settings with { PackedBytes = packedBytes, Workers = 3 });
        while (views.TryNext(out ImageBatch? expected))
        {
            Assert.True(packed.TryNext(out ImageBatch? actual));
            using (expected)
            using (actual)
            {
                Assert.Equal(expected.Samples, actual.Samples);
                Assert.Equal(expected.Labels, actual.Labels);
                AssertSame(images, expected, actual, packedBytes);
            }
        }

        Assert.False(packed.TryNext(out _));
    }

    [Fact]
    public void Too_little_memory_for_an_image_and_other_recipes_are_refused()
    {
        var images = new MixedSizes(41, 3);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new DataLoader(images, Augmentation, Settings with { PackedBytes = (4 * 14 * 14 * 3) - 1 }));
        Assert.Throws<ArgumentException>(
            () => new DataLoader(images, new OtherRecipe(), Settings with { PackedBytes = 100_000 }));
    }

    private static void AssertSame(MixedSizes images, ImageBatch expected, ImageBatch actual, int packedBytes)
    {
        PackedImages packed = actual.Packed!;
        Assert.InRange(packed.UsedBytes, 1, actual.Count * packedBytes);
        var renderer = new ViewRenderer();
        var scratch = new ImageBuffer();
        for (int view = 0; view < expected.ViewCount; view++)
        {
            int size = expected.SizeOf(view);
            byte[] rendered = new byte[size * size * images.Channels];
            for (int i = 0; i < expected.Count; i++)
            {
                Core.ViewTransform transform = packed.Transforms(view)[i];
                ImageView image = images.Read(expected.Samples[i], scratch);
                var plan = ViewPlan.Draw(
                    Augmentation, Seed, expected.Epoch, expected.Samples[i], view, image.FullHeight, image.FullWidth);
                byte[] crop = Crop(packed, transform, images.Channels);
                renderer.Render(
                    new ImageView(crop, transform.Height, transform.Width, images.Channels),
                    plan with { Crop = new CropBox(0, 0, transform.Height, transform.Width) },
                    size,
                    rendered);
                Assert.Equal(expected.View(view).Slice(i * rendered.Length, rendered.Length), rendered);
                Assert.Equal(
                    plan.ToTransform(transform.Source, transform.RowBytes, transform.Height, transform.Width),
                    transform);
            }
        }
    }

    private static byte[] Crop(PackedImages packed, Core.ViewTransform transform, int channels)
    {
        int rowBytes = transform.Width * channels;
        byte[] crop = new byte[transform.Height * rowBytes];
        for (int y = 0; y < transform.Height; y++)
        {
            int start = (int)transform.Source + (y * transform.RowBytes);
            packed.Buffer.Bytes.Slice(start, rowBytes).CopyTo(crop.AsSpan(y * rowBytes));
        }

        return crop;
    }

    private sealed class OtherRecipe : IViewRecipe
    {
        public int ViewCount => 1;

        public int SizeOf(int view) => 4;

        public void Validate()
        {
        }

        public IViewMaker CreateMaker(ulong seed) => throw new NotSupportedException();
    }
}
