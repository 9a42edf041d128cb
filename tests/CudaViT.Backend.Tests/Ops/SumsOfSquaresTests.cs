using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class SumsOfSquaresTests
{
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Sums_agree_with_the_double_reference_to_double_precision(string backend)
    {
        using TestRun run = Backends.Open(backend);
        foreach (DType dtype in (DType[])[DType.F64, DType.F32])
        {
            // A scalar, none, a vector and a rest, just above one block, several blocks.
            NdArray[] arrays = [.. ((Shape[])[[], [0], [3, 7], [16385], [50, 1001]])
                .Select((shape, i) => run.Normal(shape, dtype, seed: i).Data)];

            NdArray sums = SumsOfSquares.Apply(arrays);

            Assert.Equal(DType.F64, sums.DType);
            double[] expected = [.. arrays.Select(array => array.ToDoubles().Sum(value => value * value))];
            TensorAssert.Close(expected, sums, Tolerance.For(DType.F64, reduced: 50_050));
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray narrow = run.Normal([4], DType.BF16, seed: 1).Data;
        ArgumentException error = Assert.Throws<ArgumentException>(() => SumsOfSquares.Apply([narrow]));
        Assert.Contains("BF16[4]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => SumsOfSquares.Apply([]));
    }
}
