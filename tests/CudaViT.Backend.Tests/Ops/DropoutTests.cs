using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class DropoutTests
{
    private const ulong Call = (5UL << 31) | 3; // epoch 5, sample 3

    // One element; around a Philox block of four numbers; beyond what is filled at once; several chunks; nothing.
    public static TheoryData<string, DType, int, double> Cases => Backends.Cross(
        (1, 0.5), (5, 0.3), (8, 0.3), (257, 0.1), (20_001, 0.75), (0, 0.5));

    [Theory, MemberData(nameof(Cases))]
    public void Forward_and_backward_follow_the_random_stream(string backend, DType dtype, int count, double p)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Uniform([count], dtype, seed: 1, low: 1, high: 2);
        NdArray dy = run.Uniform([count], dtype, seed: 2, low: 1, high: 2).Data;

        Tensor y = Dropout.Apply(x, p, seed: 7, stream: Call);
        y.Backward(dy);

        var stream = new RandomStream(7, epoch: 5, sample: 3, view: 0, RandomOperation.Dropout);
        double[] factors = [.. Enumerable.Range(0, count).Select(i => stream.Single(i) >= p ? 1 / (1 - p) : 0)];
        TensorAssert.Close([.. x.Data.ToDoubles().Zip(factors, (v, f) => v * f)], y, Tolerance.For(dtype));
        TensorAssert.Close([.. dy.ToDoubles().Zip(factors, (v, f) => v * f)], x.Grad, Tolerance.For(dtype), "gradient");
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Views_may_start_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Uniform([1 + 304], dtype, seed: 1, low: 1, high: 2).Slice(0, 1, 1 + 304);

        Tensor elements = Dropout.Apply(x, 0.3, seed: 7, stream: Call);
        Tensor samples = DropPath.Apply(x.Reshape(19, 16), 0.3, seed: 7, stream: Call);

        var ofElements = new RandomStream(7, epoch: 5, sample: 3, view: 0, RandomOperation.Dropout);
        var ofSamples = new RandomStream(7, epoch: 5, sample: 3, view: 0, RandomOperation.DropPath);
        double[] values = x.Data.ToDoubles();
        TensorAssert.Close(
            [.. values.Select((v, i) => ofElements.Single(i) >= 0.3 ? v / 0.7 : 0)], elements, Tolerance.For(dtype));
        TensorAssert.Close(
            [.. values.Select((v, i) => ofSamples.Single(i / 16) >= 0.3 ? v / 0.7 : 0)], samples, Tolerance.For(dtype));
    }

    // Numbers at, just below and just above one of the stream's: they differ by less than float tells apart.
    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Probabilities_are_compared_exactly(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        var stream = new RandomStream(7, epoch: 5, sample: 3, view: 0, RandomOperation.Dropout);
        Tensor ones = run.Leaf([.. Enumerable.Repeat(1.0, 64)], [64], dtype);
        double number = Enumerable.Range(0, 64).Select(i => (double)stream.Single(i)).Where(v => v > 0.5).Min();
        foreach (double p in new[] { number, Math.BitDecrement(number), Math.BitIncrement(number) })
        {
            bool[] kept = [.. Enumerable.Range(0, 64).Select(i => stream.Single(i) >= p)];
            double[] y = Dropout.Apply(ones, p, seed: 7, stream: Call).Data.ToDoubles();
            Assert.Equal(kept, y.Select(v => v != 0));
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void About_one_in_p_is_dropped_and_other_calls_drop_others(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor ones = run.Leaf([.. Enumerable.Repeat(1.0, 40_000)], [40_000], DType.F32);

        double[] first = Dropout.Apply(ones, 0.3, seed: 1, stream: 1).Data.ToDoubles();
        double[] second = Dropout.Apply(ones, 0.3, seed: 1, stream: 2).Data.ToDoubles();

        // Five standard deviations of a binomial distribution.
        Assert.InRange(first.Count(v => v == 0), 12_000 - 459, 12_000 + 459);
        int both = first.Zip(second, (a, b) => a == 0 && b == 0).Count(v => v);
        Assert.InRange(both, 3600 - 287, 3600 + 287);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void With_probability_zero_the_input_itself_comes_back(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([3], DType.F32, seed: 1);
        Assert.Same(x, Dropout.Apply(x, 0, seed: 1, stream: 1));
        Assert.Same(x, DropPath.Apply(x, 0, seed: 1, stream: 1));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        GradCheck.Run(t => Dropout.Apply(t, 0.4, seed: 1, stream: 1), run.Normal([4, 5], DType.F64, seed: 1));
        GradCheck.Run(t => DropPath.Apply(t, 0.4, seed: 1, stream: 1), run.Normal([6, 3], DType.F64, seed: 1));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([3], DType.F32, seed: 1);
        var integers = new Tensor(run.Integers([3], DType.I32, seed: 1, end: 9));

        ArgumentException error = Assert.Throws<ArgumentOutOfRangeException>(() => Dropout.Apply(x, 1, 1, 1));
        Assert.Contains("[0, 1)", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Dropout.Apply(x, double.NaN, seed: 1, stream: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => DropPath.Apply(x, -0.1, seed: 1, stream: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Dropout.Apply(x, 0.1, seed: 1, stream: 1UL << 62));
        Assert.Throws<ArgumentException>(() => DropPath.Apply(run.Normal([], DType.F32, 1), 0.1, seed: 1, stream: 1));
        Assert.Throws<ArgumentException>(() => Dropout.Apply(integers, 0.1, seed: 1, stream: 1));
    }
}
