using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class EraseImagesTests
{
    private static readonly RandomStream Noise = new(7, epoch: 5, sample: 0, view: 0, RandomOperation.EraseNoise);

    // A pixel in the last corner; a whole image; a box that begins on an odd element; empty ones.
    private static readonly ImageBox[] Boxes =
    [
        new(2, 16, 20, 1, 1), new(0, 0, 0, 17, 21), new(1, 3, 5, 4, 9), new(3, 2, 2, 0, 5), new(4, 2, 2, 5, 0),
    ];

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Boxes_get_the_numbers_of_the_stream_and_nothing_else_changes(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        NdArray images = run.Normal([5, 3, 17, 21], dtype, seed: 1).Data;
        double[] expected = images.ToDoubles();
        foreach (ImageBox box in Boxes)
        {
            for (int e = 0; e < expected.Length; e++)
            {
                (int image, int row, int column) = (e / (3 * 17 * 21), e / 21 % 17, e % 21);
                bool isInside = image == box.Image
                    && row >= box.Top && row < box.Top + box.Height
                    && column >= box.Left && column < box.Left + box.Width;
                expected[e] = isInside ? Noise.Normal(e) : expected[e];
            }
        }

        int version = images.Storage.Version;
        EraseImages.Apply(images, Boxes, Noise);

        TensorAssert.Close(expected, images, Tolerance.For(dtype));
        Assert.NotEqual(version, images.Storage.Version);
    }

    // More pixels in a box than a block has threads, on one channel, and at an address that is no multiple of 16.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Large_boxes_of_one_channel_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        NdArray images = run.Shifted(run.Normal([1, 1, 40, 33], dtype, seed: 1).Data);
        double[] expected = images.ToDoubles();
        for (int e = 33; e < 39 * 33; e++)
        {
            expected[e] = e % 33 > 0 ? Noise.Normal(e) : expected[e];
        }

        EraseImages.Apply(images, [new ImageBox(0, 1, 1, 38, 32)], Noise);
        TensorAssert.Close(expected, images, Tolerance.For(dtype));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Nothing_to_erase_changes_nothing(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray images = run.Normal([2, 1, 3, 3], DType.F32, seed: 1).Data;
        int version = images.Storage.Version;
        EraseImages.Apply(images, [], Noise);
        EraseImages.Apply(images, [new ImageBox(1, 3, 3, 0, 0)], Noise);
        Assert.Equal(version, images.Storage.Version);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray images = run.Normal([2, 1, 3, 3], DType.F32, seed: 1).Data;
        ImageBox[] wrong =
        [
            new(2, 0, 0, 1, 1), new(-1, 0, 0, 1, 1), new(0, 0, 1, 1, 3), new(0, 3, 0, 1, 1), new(0, -1, 0, 1, 1),
            new(0, 0, 0, -1, 1), new(0, 0, int.MaxValue, 1, 2),
        ];
        foreach (ImageBox box in wrong)
        {
            Throws("not inside images [2, 1, 3, 3]", () => EraseImages.Apply(images, [box], Noise));
        }

        Throws(
            "image 1 has two boxes", () => EraseImages.Apply(images, [new(1, 0, 0, 1, 1), new(1, 1, 1, 1, 1)], Noise));
        Throws("[N, C, H, W]", () => EraseImages.Apply(images.Reshape(2, 9), [], Noise));
        Throws("[N, C, H, W]", () => EraseImages.Apply(run.Integers([1, 1, 2, 2], DType.I32, 1, 9), [], Noise));
    }

    private static void Throws(string part, Action call) =>
        Assert.Contains(part, Assert.Throws<ArgumentException>(call).Message, StringComparison.Ordinal);
}
