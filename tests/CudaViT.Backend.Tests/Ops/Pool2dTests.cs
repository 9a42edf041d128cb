using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class Pool2dTests
{
    // (images, channels) on a window: one pixel; overlapping windows with padding, as after ResNet's first convolution;
    // windows that leave pixels over, and pixels between windows; padding beside a narrow image; no images.
    private static readonly (int Images, int Channels, SlidingWindow Window)[] Sizes =
    [
        (2, 3, new(1, 1, 1, 1, 1, 0)),
        (2, 3, new(7, 10, 3, 3, 2, 1)),
        (3, 2, new(9, 8, 2, 2, 3, 0)),
        (1, 2, new(2, 9, 4, 4, 1, 3)),
        (0, 2, new(4, 4, 2, 2, 2, 0)),
    ];

    public static TheoryData<string, DType, int> Cases => Backends.Cross([.. Enumerable.Range(0, Sizes.Length)]);

    [Theory, MemberData(nameof(Cases))]
    public void Max_pooling_agrees_with_the_double_reference(string backend, DType dtype, int size)
    {
        using TestRun run = Backends.Open(backend);
        (int images, int channels, SlidingWindow window) = Sizes[size];

        // Whole numbers from −3 to 2: many ties, of which the first must win, and all of them negative in places, where
        // padding must not.
        NdArray values = run.Integers([images, channels, window.Height, window.Width], DType.I32, seed: 1, end: 6);
        Tensor x = run.Leaf([.. values.ToDoubles().Select(v => v - 3)], values.Shape, dtype);
        NdArray dy = run.Normal([images, channels, window.OutputHeight, window.OutputWidth], dtype, seed: 2).Data;

        Tensor y = MaxPool2d.Apply(x, window.KernelHeight, window.Stride, window.Padding);
        y.Backward(dy);

        (double[] expected, double[] dx) =
            Reference.MaxPool2d(x.Data.ToDoubles(), dy.ToDoubles(), images * channels, window);
        Assert.Equal(expected, y.Data.ToDoubles());
        TensorAssert.Close(dx, x.Grad, Tolerance.For(dtype, window.KernelCount).At(2), "dx");
    }

    [Theory, MemberData(nameof(Cases))]
    public void Average_pooling_agrees_with_the_double_reference(string backend, DType dtype, int size)
    {
        using TestRun run = Backends.Open(backend);
        (int images, int channels, SlidingWindow window) = Sizes[size];
        Tensor x = run.Normal([images, channels, window.Height, window.Width], dtype, seed: 1);
        NdArray dy = run.Normal([images, channels, window.OutputHeight, window.OutputWidth], dtype, seed: 2).Data;

        Tensor y = AvgPool2d.Apply(x, window.KernelHeight, window.Stride, window.Padding);
        y.Backward(dy);

        (double[] expected, double[] dx) =
            Reference.AvgPool2d(x.Data.ToDoubles(), dy.ToDoubles(), images * channels, window);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, window.KernelCount).At(1));
        TensorAssert.Close(dx, x.Grad, Tolerance.For(dtype, window.KernelCount).At(1), "dx");
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Global_pooling_averages_whole_planes(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([3, 5, 6, 7], dtype, seed: 1);
        NdArray dy = run.Normal([3, 5], dtype, seed: 2).Data;

        Tensor y = GlobalAvgPool.Apply(x);
        y.Backward(dy);

        Assert.Equal([3, 5], y.Shape);
        TensorAssert.Close(
            [.. x.Data.ToDoubles().Chunk(42).Select(plane => plane.Average())], y, Tolerance.For(dtype, 42).At(1));
        TensorAssert.Close(
            [.. dy.ToDoubles().SelectMany(d => Enumerable.Repeat(d / 42, 42))], x.Grad, Tolerance.For(dtype), "dx");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void A_maximum_does_not_hide_a_NaN(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Leaf([1, double.NaN, 3, 4], [1, 1, 2, 2], DType.F32);
        Assert.True(double.IsNaN(MaxPool2d.Apply(x, kernel: 2, stride: 2).Data.Item()));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 2, 5, 6], DType.F64, seed: 3);
        GradCheck.Run(t => MaxPool2d.Apply(t, kernel: 3, stride: 2, padding: 1), x);
        GradCheck.Run(t => AvgPool2d.Apply(t, kernel: 3, stride: 2, padding: 1), x);
        GradCheck.Run(GlobalAvgPool.Apply, x);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([1, 3, 4, 5], DType.F32, seed: 1);

        Assert.Contains(
            "5 x 5",
            Assert.Throws<ArgumentException>(() => MaxPool2d.Apply(x, kernel: 5, stride: 1)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => MaxPool2d.Apply(x, kernel: 2, stride: 1, padding: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => AvgPool2d.Apply(x, kernel: 2, stride: 0));
        Assert.Throws<ArgumentException>(() => AvgPool2d.Apply(x.Reshape(3, 4, 5), kernel: 2, stride: 2));
        Assert.Throws<ArgumentException>(() => GlobalAvgPool.Apply(x.Reshape(3, 4, 5)));
    }
}
