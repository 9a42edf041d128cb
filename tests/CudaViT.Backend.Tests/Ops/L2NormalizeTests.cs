using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class L2NormalizeTests
{
    // One element; just below, at and above a warp; MoCo's own width; a row whose last packs occupy a part of the warp;
    // no rows at all.
    public static TheoryData<string, DType, int, int> Cases =>
        Backends.Cross((5, 1), (3, 31), (3, 32), (3, 33), (8, 256), (3, 264), (0, 4));

    [Theory, MemberData(nameof(Cases))]
    public void Forward_agrees_with_the_double_reference(string backend, DType dtype, int rows, int width)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, width], dtype, seed: 1);

        Tensor y = L2Normalize.Apply(x, epsilon: 1e-3);

        double[] expected = Reference.L2Normalize(x.Data.ToDoubles(), rows, width, epsilon: 1e-3);
        TensorAssert.Close(expected, y, Tolerance.For(dtype, reduced: width));
    }

    [Theory, MemberData(nameof(Cases))]
    public void Backward_agrees_with_the_double_reference(string backend, DType dtype, int rows, int width)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([rows, width], dtype, seed: 1);
        NdArray dy = run.Normal([rows, width], dtype, seed: 2).Data;

        L2Normalize.Apply(x, epsilon: 1e-3).Backward(dy);

        // The saved y is rounded to the type, and what is left after its part is taken out of dy can be small: the
        // scale is that of dy over the length.
        double[] expected = Reference.L2NormalizeBackward(
            dy.ToDoubles(), x.Data.ToDoubles(), rows, width, epsilon: 1e-3);
        double shortest = rows == 0 ? 1 : x.Data.ToDoubles().Chunk(width).Min(row => Math.Sqrt(row.Sum(v => v * v)));
        TensorAssert.Close(expected, x.Grad, Tolerance.For(dtype, reduced: width).At(4 / shortest));
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Operands_may_begin_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = new(run.Shifted(run.Normal([5, 32], dtype, seed: 1).Data), requiresGrad: true);
        NdArray dy = run.Shifted(run.Normal([5, 32], dtype, seed: 2).Data);

        Tensor y = L2Normalize.Apply(x, epsilon: 1e-3);
        y.Backward(dy);

        double[] expected = Reference.L2Normalize(x.Data.ToDoubles(), 5, 32, epsilon: 1e-3);
        double[] dx = Reference.L2NormalizeBackward(dy.ToDoubles(), x.Data.ToDoubles(), 5, 32, epsilon: 1e-3);
        double shortest = x.Data.ToDoubles().Chunk(32).Min(row => Math.Sqrt(row.Sum(v => v * v)));
        TensorAssert.Close(expected, y, Tolerance.For(dtype, reduced: 32));
        TensorAssert.Close(dx, x.Grad, Tolerance.For(dtype, reduced: 32).At(4 / shortest), "dx");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck_on_both_branches(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([4, 33], DType.F64, seed: 2);
        GradCheck.Run(t => L2Normalize.Apply(t, epsilon: 1e-3), x); // every row divides by its norm
        GradCheck.Run(t => L2Normalize.Apply(t, epsilon: 1e3), x);  // every row divides by epsilon
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor cube = run.Normal([2, 3, 4], DType.F32, seed: 1);

        ArgumentException error = Assert.Throws<ArgumentException>(() => L2Normalize.Apply(cube));
        Assert.Contains("[2, 3, 4]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => L2Normalize.Apply(cube.Reshape(-1, 4), epsilon: 0));
    }
}
