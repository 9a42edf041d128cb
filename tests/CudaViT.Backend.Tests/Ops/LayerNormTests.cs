using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class LayerNormTests
{
    private const double Epsilon = 1e-3;

    // One column, whose variance is 0; below, at and above a vector; one row over a block of partial sums; ViT-S and
    // ViT-B; widths that fill two and four packs of every lane; one that a warp cannot keep in registers, except in
    // BF16; so many rows that blocks grow; no rows.
    public static TheoryData<string, DType, int, int> Cases => Backends.Cross(
        (5, 1), (3, 7), (3, 16), (33, 17), (100, 384), (34, 768), (3, 256), (3, 512), (3, 1032), (8200, 9),
        (0, 4));

    [Theory, MemberData(nameof(Cases))]
    public void Forward_agrees_with_the_double_reference(string backend, DType dtype, int rows, int width)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, width], dtype, seed: 1, scale: 2, shift: 1);
        Tensor weight = run.Normal([width], dtype, seed: 2);
        Tensor bias = run.Normal([width], dtype, seed: 3);

        Tensor y = LayerNorm.Apply(x, weight, bias, Epsilon);

        double[] expected = Reference.LayerNorm(
            x.Data.ToDoubles(), weight.Data.ToDoubles(), bias.Data.ToDoubles(), width, Epsilon);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, reduced: width).At(4));
        TensorAssert.Close(
            Reference.LayerNorm(x.Data.ToDoubles(), null, null, width, Epsilon),
            LayerNorm.Apply(x, epsilon: Epsilon),
            Tolerance.For(dtype, reduced: width).At(4),
            "without weight and bias");
    }

    [Theory, MemberData(nameof(Cases))]
    public void Backward_agrees_with_the_double_reference(string backend, DType dtype, int rows, int width)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, width], dtype, seed: 1, scale: 2, shift: 1);
        Tensor weight = run.Normal([width], dtype, seed: 2);
        Tensor bias = run.Normal([width], dtype, seed: 3);
        NdArray dy = run.Normal([rows, width], dtype, seed: 4).Data;

        LayerNorm.Apply(x, weight, bias, Epsilon).Backward(dy);

        (double[] dx, double[] dWeight, double[] dBias) = Reference.LayerNormBackward(
            dy.ToDoubles(), x.Data.ToDoubles(), weight.Data.ToDoubles(), width, Epsilon);

        // Terms of size rstd times dy cancel in dx; with one column rstd is 1/√ε and everything cancels.
        double rstd = width == 1 ? 1 / Math.Sqrt(Epsilon) : 1;
        TensorAssert.Close(dx, x.Grad, Tolerance.For(dtype, reduced: width).At(4 * rstd), "dx");
        TensorAssert.Close(dWeight, weight.Grad, Tolerance.For(dtype, reduced: rows).At(Math.Sqrt(rows)), "dweight");
        TensorAssert.Close(dBias, bias.Grad, Tolerance.For(dtype, reduced: rows).At(Math.Sqrt(rows)), "dbias");
    }

    // Rows whose squares overflow, and one whose sum does, between rows that stay as they are. Widths of a few
    // elements, of packs in registers, and of neither.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Rows_may_be_as_large_as_the_type_allows(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        (double large, double largest) = dtype == DType.F64 ? (1e200, 1.5e308) : (1e20, 3e38);
        foreach (int width in (int[])[4, 259, 512])
        {
            double[] shape = [.. Enumerable.Range(0, width).Select(i => new double[] { 1, -1, 3, 0 }[i % 4])];
            double[][] rows =
            [
                shape,
                [.. shape.Select(v => large * v)],
                [.. shape.Select(v => largest * (1 - (Math.Abs(v) / 16)))],
                shape,
            ];
            NdArray values = run.Array([.. rows.SelectMany(v => v)], [4, width], dtype);
            Tensor x = new(values, requiresGrad: true);
            NdArray dy = run.Normal([1, width], dtype, seed: 4).Data;
            NdArray upstream = run.Array(
                [.. Enumerable.Repeat(dy.ToDoubles(), 4).SelectMany(v => v)], [4, width], dtype);

            Tensor y = LayerNorm.Apply(x, epsilon: 1e-30);
            y.Backward(upstream);

            // What was rounded to the type, at a size that a double can square.
            double[] scaled = [.. values.ToDoubles().Select((v, i) => v / (i / width is 1 or 2 ? large : 1))];
            TensorAssert.Close(
                Reference.LayerNorm(scaled, null, null, width, epsilon: 0), y,
                Tolerance.For(dtype, reduced: width).At(dtype == DType.BF16 ? 1 : 40), $"width {width}");
            double[] dx = x.Grad!.ToDoubles();
            Assert.All(dx, value => Assert.True(double.IsFinite(value)));
            TensorAssert.Close(
                dx[..width], run.Array([.. dx[width..(2 * width)].Select(v => v * large)], [width], dtype),
                Tolerance.For(dtype, reduced: width).Times(4), "dx of the large row");
        }
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Operands_may_begin_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = new(run.Shifted(run.Normal([40, 64], dtype, seed: 1).Data), requiresGrad: true);
        Tensor weight = new(run.Shifted(run.Normal([64], dtype, seed: 2).Data), requiresGrad: true);
        Tensor bias = new(run.Shifted(run.Normal([64], dtype, seed: 3).Data), requiresGrad: true);
        NdArray dy = run.Shifted(run.Normal([40, 64], dtype, seed: 4).Data);

        Tensor y = LayerNorm.Apply(x, weight, bias, Epsilon);
        y.Backward(dy);

        double[] expected = Reference.LayerNorm(
            x.Data.ToDoubles(), weight.Data.ToDoubles(), bias.Data.ToDoubles(), 64, Epsilon);
        (double[] dx, double[] dWeight, double[] dBias) = Reference.LayerNormBackward(
            dy.ToDoubles(), x.Data.ToDoubles(), weight.Data.ToDoubles(), 64, Epsilon);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, reduced: 64).At(4));
        TensorAssert.Close(dx, x.Grad, Tolerance.For(dtype, reduced: 64).At(4), "dx");
        TensorAssert.Close(dWeight, weight.Grad, Tolerance.For(dtype, reduced: 40).At(Math.Sqrt(40)), "dweight");
        TensorAssert.Close(dBias, bias.Grad, Tolerance.For(dtype, reduced: 40).At(Math.Sqrt(40)), "dbias");
    }

    // In float32 the square of the mean drowns this variance: E[x²] − E[x]² would leave nothing of it.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Variance_survives_a_large_mean(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([4, 64], DType.F32, seed: 5, scale: 1, shift: 10_000);

        Tensor y = LayerNorm.Apply(x, epsilon: 1e-6);

        // The mean itself is rounded: half a unit in the last place of 10⁴.
        double[] expected = Reference.LayerNorm(x.Data.ToDoubles(), null, null, 64, 1e-6);
        TensorAssert.Within(expected, y.Data, bound: 4e-3);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Gradients_have_the_same_bits_alone_and_in_company(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor all = run.Normal([70, 48], DType.F32, seed: 6);
        NdArray dy = run.Normal([70, 48], DType.F32, seed: 7).Data;
        LayerNorm.Apply(all).Backward(dy);
        var some = new Tensor(all.Data.Rows(37, 41), requiresGrad: true);

        LayerNorm.Apply(some).Backward(dy.Rows(37, 41));

        TensorAssert.SameBits(all.Grad!.Rows(37, 41), some.Grad!);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3, 19], DType.F64, seed: 8);
        Tensor weight = run.Normal([19], DType.F64, seed: 9);
        Tensor bias = run.Normal([19], DType.F64, seed: 10);
        GradCheck.Run(t => LayerNorm.Apply(t[0], t[1], t[2]), x, weight, bias);
        GradCheck.Run(t => LayerNorm.Apply(t), x);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 4], DType.F32, seed: 1);
        Tensor four = run.Normal([4], DType.F32, seed: 1);

        Assert.Contains(
            "[3]",
            Assert.Throws<ArgumentException>(
                () => LayerNorm.Apply(x, run.Normal([3], DType.F32, seed: 1), four)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => LayerNorm.Apply(x, four, null));
        Assert.Throws<ArgumentException>(() => LayerNorm.Apply(x, four, run.Normal([4], DType.F64, seed: 1)));
        Assert.Throws<ArgumentException>(() => LayerNorm.Apply(run.Normal([], DType.F32, seed: 1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => LayerNorm.Apply(x, epsilon: 0));
    }
}
