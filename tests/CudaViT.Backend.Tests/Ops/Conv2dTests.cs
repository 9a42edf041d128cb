using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class Conv2dTests
{
    // (images, channels, outputs) on a window: one pixel; a kernel as large as the image; padding wider than a row of
    // the image; a stride that leaves pixels over; unequal sides; several blocks of columns; no images.
    private static readonly (int Images, int Channels, int Outputs, SlidingWindow Window)[] Sizes =
    [
        (2, 3, 4, new(1, 1, 1, 1, 1, 0)),
        (2, 2, 3, new(5, 4, 5, 4, 1, 0)),
        (1, 2, 3, new(3, 2, 5, 5, 1, 4)),
        (3, 2, 5, new(8, 9, 3, 3, 2, 1)),
        (2, 3, 2, new(7, 6, 2, 3, 3, 1)),
        (9, 8, 6, new(48, 40, 3, 3, 1, 1)),
        (0, 2, 3, new(4, 4, 3, 3, 1, 1)),
    ];

    public static TheoryData<string, DType, int> Cases => Backends.Cross([.. Enumerable.Range(0, Sizes.Length)]);

    [Theory, MemberData(nameof(Cases))]
    public void Result_and_gradients_agree_with_the_double_reference(string backend, DType dtype, int size)
    {
        using TestRun run = Backends.Open(backend);
        (int images, int channels, int outputs, SlidingWindow window) = Sizes[size];
        Tensor x = run.Normal([images, channels, window.Height, window.Width], dtype, seed: 1);
        Tensor weight = run.Normal([outputs, channels, window.KernelHeight, window.KernelWidth], dtype, seed: 2);
        Tensor bias = run.Normal([outputs], dtype, seed: 3);
        NdArray dy = run.Normal([images, outputs, window.OutputHeight, window.OutputWidth], dtype, seed: 4).Data;

        Tensor y = Conv2d.Apply(x, weight, bias, window.Stride, window.Padding);
        y.Backward(dy);

        (double[] xv, double[] wv, double[] dyv) = (x.Data.ToDoubles(), weight.Data.ToDoubles(), dy.ToDoubles());
        (double[] dx, double[] dWeight, double[] dBias) =
            Reference.Conv2dBackward(dyv, xv, wv, images, channels, outputs, window);
        Assert.Equal(dy.Shape, y.Shape);
        double[] expected = Reference.Conv2d(xv, wv, bias.Data.ToDoubles(), images, channels, outputs, window);
        Close(expected, y.Data, channels * window.KernelCount, "y");
        Close(dx, x.Grad, outputs * window.KernelCount, "dx");
        Close(dWeight, weight.Grad, images * window.OutputCount, "dweight");
        Close(dBias, bias.Grad, images * window.OutputCount, "dbias");

        void Close(double[] right, NdArray? actual, int reduced, string what) =>
            TensorAssert.Close(right, actual, Tolerance.For(dtype, reduced).At(Math.Sqrt(reduced)), what);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3, 5, 4], DType.F64, seed: 1);
        Tensor weight = run.Normal([2, 3, 3, 2], DType.F64, seed: 2);
        Tensor bias = run.Normal([2], DType.F64, seed: 3);
        GradCheck.Run(t => Conv2d.Apply(t[0], t[1], t[2], stride: 2, padding: 1), x, weight, bias);
        GradCheck.Run(t => Conv2d.Apply(t[0], t[1]), x, weight);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([1, 3, 4, 5], DType.F32, seed: 1);
        Tensor weight = run.Normal([2, 3, 3, 3], DType.F32, seed: 2);

        Assert.Contains(
            "[2, 4, 3, 3]",
            Assert.Throws<ArgumentException>(
                () => Conv2d.Apply(x, run.Normal([2, 4, 3, 3], DType.F32, seed: 1))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "7 x 7",
            Assert.Throws<ArgumentException>(
                () => Conv2d.Apply(x, run.Normal([2, 3, 7, 7], DType.F32, seed: 1))).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Conv2d.Apply(x.Reshape(3, 4, 5), weight));
        Assert.Throws<ArgumentException>(() => Conv2d.Apply(x, weight, bias: x));
        Assert.Throws<ArgumentOutOfRangeException>(() => Conv2d.Apply(x, weight, stride: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Conv2d.Apply(x, weight, padding: 3));
    }
}
