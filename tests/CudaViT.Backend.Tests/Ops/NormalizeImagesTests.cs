using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class NormalizeImagesTests
{
    // One pixel; height, width and channels all different; gray; several chunks; more channels than a launch does; no
    // image.
    public static TheoryData<string, DType, Shape> Cases => Backends.Cross<Shape>(
        [1, 1, 1, 3], [2, 3, 5, 4], [2, 7, 4, 1], [2, 64, 96, 3], [2, 4, 2, 19], [0, 4, 4, 3]);

    [Theory, MemberData(nameof(Cases))]
    public void Pixels_agree_with_the_double_reference(string backend, DType dtype, Shape shape)
    {
        using TestRun run = Backends.Open(backend);
        NdArray images = run.Integers(shape, DType.U8, seed: 1, end: 256);
        float[] mean = [.. Enumerable.Range(0, shape[3]).Select(channel => 0.485f - (0.01f * channel))];
        float[] std = [.. Enumerable.Range(0, shape[3]).Select(channel => 0.229f + (0.01f * channel))];

        Tensor y = NormalizeImages.Apply(images, mean, std, dtype);

        double[] expected = Reference.NormalizeImages(
            images.ToDoubles(), shape[0], shape[1], shape[2], shape[3], mean, std);
        Assert.Equal([shape[0], shape[3], shape[1], shape[2]], y.Shape);
        TensorAssert.Close(expected, y, Tolerance.For(dtype));
        Assert.False(y.RequiresGrad);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray images = run.Integers([1, 2, 2, 3], DType.U8, seed: 1, end: 256);

        Assert.Contains(
            "3 channels",
            Assert.Throws<ArgumentException>(() => NormalizeImages.Apply(images, [0.5f], [0.5f])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => NormalizeImages.Apply(images, [0, 0, 0], [1, 0, 1]));
        Assert.Throws<ArgumentException>(() => NormalizeImages.Apply(images, [0, 0, 0], [1, 1, 1], DType.I32));
        Assert.Throws<ArgumentException>(() => NormalizeImages.Apply(images.Reshape(2, 2, 3), [0, 0, 0], [1, 1, 1]));
        Assert.Throws<ArgumentException>(() => NormalizeImages.Apply(images.Cast(DType.F32), [0, 0, 0], [1, 1, 1]));
    }
}
