using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class BiasAddTests
{
    // One row; a vector alone; widths beside a register; rows and columns beyond one tile of the bias's sum; no rows.
    public static TheoryData<string, DType, int[]> Cases =>
        Backends.Cross<int[]>([1, 5], [6], [3, 4, 9], [2, 200, 33], [300, 1030], [0, 4]);

    [Theory, MemberData(nameof(Cases))]
    public void Forward_and_backward_agree_with_the_double_reference(string backend, DType dtype, int[] shape)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal(Shape.Create(shape), dtype, seed: 1);
        Tensor bias = run.Normal([shape[^1]], dtype, seed: 2);
        NdArray dy = run.Normal(x.Shape, dtype, seed: 3).Data;

        Tensor y = x.BiasAdd(bias);
        y.Backward(dy);

        int[] vector = [shape[^1]];
        double[] values = bias.Data.ToDoubles();
        double[] expected = Reference.Broadcast(x.Data.ToDoubles(), shape, values, vector, (a, b) => a + b);
        TensorAssert.Close(expected, y, Tolerance.For(dtype));
        TensorAssert.SameBits(dy, x.Grad!, "dx");
        int rows = (int)x.Data.Count / shape[^1];
        Tolerance tolerance = Tolerance.For(dtype, rows).At(Math.Sqrt(rows));
        TensorAssert.Close(Reference.SumTo(dy.ToDoubles(), shape, vector), bias.Grad, tolerance, "db");
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3, 4], DType.F64, seed: 1);
        GradCheck.Run(t => BiasAdd.Apply(t[0], t[1]), x, run.Normal([4], DType.F64, seed: 2));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([2, 3], DType.F32, seed: 1);
        Tensor shorter = run.Normal([2], DType.F32, seed: 1);

        ArgumentException error = Assert.Throws<ArgumentException>(() => x.BiasAdd(shorter));
        Assert.Contains("[2]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => x.BiasAdd(run.Normal([3], DType.BF16, seed: 1)));
        Assert.Throws<ArgumentException>(() => run.Normal([], DType.F32, seed: 1).BiasAdd(x));
    }
}
