using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class AttentionTests
{
    // (batch, tokens, heads, head width): one token, whose probability is 1; fewer tokens than a vector; MoCo's ViT-S,
    // several blocks of rows; more than one panel of columns; widths that fill no vector; no samples; no tokens.
    // The kernel for tensor cores takes up to 208 tokens in strips of 16, and 64 columns at a time: one head, two, or
    // one and nothing. So: single tokens and strips, with and without a rest; the model's 197; all 208, and one more.
    // Then widths that are almost its own, and widths of more than one tile.
    private static readonly (int Batch, int Tokens, int Heads, int Width)[] TensorCoreCases =
    [
        (1, 1, 2, 32), (2, 2, 1, 64), (1, 15, 3, 32), (3, 16, 3, 64), (2, 17, 4, 32), (1, 65, 1, 32), (1, 65, 2, 64),
        (1, 197, 1, 64), (1, 208, 2, 32), (1, 208, 1, 64), (1, 209, 1, 32), (2, 17, 2, 8), (1, 33, 2, 16),
        (1, 17, 2, 33),
        (1, 20, 1, 128), (1, 9, 2, 130),
    ];

    public static TheoryData<string, DType, int, int, int, int> Cases
    {
        get
        {
            var data = new TheoryData<string, DType, int, int, int, int>();
            foreach (DType dtype in Backends.FloatTypes)
            {
                foreach (string backend in Backends.Names)
                {
                    data.Add(backend, dtype, 2, 1, 2, 5);
                    data.Add(backend, dtype, 3, 7, 2, 1);
                    data.Add(backend, dtype, 1, 197, 2, 32);
                    data.Add(backend, dtype, 2, 50, 3, 64);
                    data.Add(backend, dtype, 1, 65, 1, 80);
                    data.Add(backend, dtype, 2, 49, 1, 5);
                    data.Add(backend, dtype, 0, 4, 2, 3);
                    data.Add(backend, dtype, 2, 0, 2, 3);
                    foreach ((int batch, int tokens, int heads, int width) in TensorCoreCases)
                    {
                        // The other types have no tensor cores, and their tiles are crossed by 65 tokens.
                        if (dtype == DType.BF16 || tokens <= 65)
                        {
                            data.Add(backend, dtype, batch, tokens, heads, width);
                        }
                    }
                }
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Forward_agrees_with_the_double_reference(
        string backend, DType dtype, int batch, int tokens, int heads, int width)
    {
        using TestRun run = Backends.Open(backend);
        Tensor qkv = run.Normal([batch, tokens, 3 * heads * width], dtype, seed: 1);
        double scale = 1 / Math.Sqrt(width);

        Tensor y = Attention.Apply(qkv, heads);
        (Tensor same, NdArray probabilities) = Attention.ApplyWithProbabilities(qkv, heads);

        (double[] expected, double[] expectedProbabilities) =
            Reference.Attention(qkv.Data.ToDoubles(), batch, tokens, heads, width, scale);
        Assert.Equal([batch, tokens, heads * width], y.Shape);
        Assert.Equal([batch, heads, tokens, tokens], probabilities.Shape);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, reduced: tokens + width).At(1));
        TensorAssert.Close(
            expectedProbabilities, probabilities, Tolerance.For(dtype, reduced: tokens + width), "probabilities");
        TensorAssert.SameBits(y.Data, same.Data, "with probabilities");
    }

    [Theory, MemberData(nameof(Cases))]
    public void Backward_agrees_with_the_double_reference(
        string backend, DType dtype, int batch, int tokens, int heads, int width)
    {
        using TestRun run = Backends.Open(backend);
        Tensor qkv = run.Normal([batch, tokens, 3 * heads * width], dtype, seed: 1);
        NdArray dy = run.Normal([batch, tokens, heads * width], dtype, seed: 2).Data;

        Attention.Apply(qkv, heads).Backward(dy);

        // The differences dP − rowsum(dY∘Y) are of the size of √Dh, and their errors add up over the tokens with
        // weights that sum to about one.
        double[] expected = Reference.AttentionBackward(
            dy.ToDoubles(), qkv.Data.ToDoubles(), batch, tokens, heads, width, 1 / Math.Sqrt(width));
        TensorAssert.Close(expected, qkv.Grad, Tolerance.For(dtype, reduced: tokens + width).At(2));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Long_sequences_agree_with_the_double_reference(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor qkv = run.Normal([1, 577, 3 * 64], DType.F32, seed: 3);

        Tensor y = Attention.Apply(qkv, heads: 1);

        (double[] expected, _) = Reference.Attention(qkv.Data.ToDoubles(), 1, 577, 1, 64, 1 / 8.0);
        TensorAssert.Close(expected, y, Tolerance.For(DType.F32, reduced: 577 + 64).At(1));
    }

    // Scores of several hundred: without subtracting the row's maximum, their exponentials overflow.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Large_scores_neither_overflow_nor_vanish(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor qkv = run.Normal([1, 20, 3 * 16], DType.F32, seed: 4, scale: 10);
        NdArray dy = run.Normal([1, 20, 16], DType.F32, seed: 5).Data;

        Tensor y = Attention.Apply(qkv, heads: 1, scale: 1);
        y.Backward(dy);

        // An error of a score is one of its exponent: 2⁻²⁴ of some thousand.
        double[] values = qkv.Data.ToDoubles();
        (double[] expected, _) = Reference.Attention(values, 1, 20, 1, 16, 1);
        TensorAssert.Close(expected, y, new Tolerance(1e-3));
        double[] gradient = Reference.AttentionBackward(dy.ToDoubles(), values, 1, 20, 1, 16, 1);
        TensorAssert.Close(gradient, qkv.Grad, new Tolerance(1e-2));
    }

    // With a negative factor the largest score is the smallest product; with none, all tokens count alike.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Any_scale_is_allowed(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        foreach (double scale in (double[])[-0.25, 0])
        {
            Tensor qkv = run.Normal([2, 18, 3 * 2 * 32], dtype, seed: 10);
            NdArray dy = run.Normal([2, 18, 2 * 32], dtype, seed: 11).Data;

            Tensor y = Attention.Apply(qkv, heads: 2, scale);
            y.Backward(dy);

            double[] values = qkv.Data.ToDoubles();
            Tolerance tolerance = Tolerance.For(dtype, reduced: 18 + 32);
            TensorAssert.Close(Reference.Attention(values, 2, 18, 2, 32, scale).Y, y, tolerance.At(1));
            double[] gradient = Reference.AttentionBackward(dy.ToDoubles(), values, 2, 18, 2, 32, scale);

            // As above, dP is of the size of √Dh; here the factor is not its inverse.
            TensorAssert.Close(gradient, qkv.Grad, tolerance.At(2 * Math.Max(1, Math.Abs(scale) * Math.Sqrt(32))));
        }
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Samples_of_a_batch_do_not_meet(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);

        // More items than an emulated device runs at a time, so that blocks take several, one after the other.
        Tensor qkv = run.Normal([30, 17, 3 * 64], dtype, seed: 12);
        NdArray dy = run.Normal([30, 17, 64], dtype, seed: 13).Data;
        Tensor y = Attention.Apply(qkv, heads: 1);
        y.Backward(dy);

        foreach (int sample in (int[])[0, 15, 29])
        {
            var one = new Tensor(qkv.Data.Rows(sample, sample + 1), requiresGrad: true);
            Tensor same = Attention.Apply(one, heads: 1);
            same.Backward(dy.Rows(sample, sample + 1));
            TensorAssert.SameBits(same.Data, y.Data.Rows(sample, sample + 1));
            TensorAssert.SameBits(one.Grad!, qkv.Grad!.Rows(sample, sample + 1));
        }
    }

    [Fact]
    public void Bits_do_not_depend_on_the_number_of_threads()
    {
        double[] qkv = Values.Normal(3 * 65 * 3 * 40, seed: 6);
        double[] dy = Values.Normal(3 * 65 * 40, seed: 7);

        (float[] y, float[] gradient) = Compute(threads: 1);
        (float[] sameY, float[] sameGradient) = Compute(threads: 3);

        Assert.Equal(y, sameY);
        Assert.Equal(gradient, sameGradient);

        (float[] Y, float[] Gradient) Compute(int threads)
        {
            using var backend = new CpuBackend(threads, poison: true);
            using var scope = new StepScope();
            var x = new Tensor(NdArray.FromDoubles(backend, qkv, [3, 65, 120], DType.F32), requiresGrad: true);
            Tensor result = Attention.Apply(x, heads: 2);
            result.Backward(NdArray.FromDoubles(backend, dy, [3, 65, 40], DType.F32));
            return (result.Data.ToArray<float>(), x.Grad!.ToArray<float>());
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        GradCheck.Run(t => Attention.Apply(t, heads: 2), run.Normal([2, 7, 3 * 2 * 3], DType.F64, seed: 8));
        GradCheck.Run(t => Attention.Apply(t, heads: 1, scale: 0.3), run.Normal([1, 3, 3 * 17], DType.F64, seed: 9));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor qkv = run.Normal([2, 4, 24], DType.F32, seed: 1);

        Assert.Contains(
            "5 heads",
            Assert.Throws<ArgumentException>(() => Attention.Apply(qkv, heads: 5)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Attention.Apply(qkv.Reshape(8, 24), heads: 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Attention.Apply(qkv, heads: 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Attention.Apply(qkv, heads: 2, scale: double.NaN));
    }
}
