using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class EmaStepTests
{
    // One element, none, a vector and a rest, several chunks of a parallel loop.
    public static TheoryData<string, int> Cases
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (string backend in Backends.Names)
            {
                Array.ForEach([1, 0, 13, 70_001], count => data.Add(backend, count));
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Averages_move_by_one_minus_the_momentum(string backend, int count)
    {
        using TestRun run = Backends.Open(backend);
        foreach (DType dtype in (DType[])[DType.F64, DType.F32])
        {
            NdArray average = run.Normal([count], dtype, seed: 1).Data;
            NdArray source = run.Normal([count], dtype, seed: 2).Data;
            double[] expected =
                [.. average.ToDoubles().Zip(source.ToDoubles(), (slow, fast) => (0.99 * slow) + (0.01 * fast))];
            int version = average.Storage.Version;

            EmaStep.Apply([average], [source], momentum: 0.99);

            TensorAssert.Close(expected, average, Tolerance.For(dtype));
            Assert.NotEqual(version, average.Storage.Version);
        }
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void An_average_of_equal_values_keeps_its_bits(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray source = run.Normal([1000], DType.F32, seed: 1).Data;
        NdArray average = source.Clone();
        EmaStep.Apply([average], [source], momentum: 0.99);
        TensorAssert.SameBits(source, average);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray four = run.Normal([4], DType.F32, seed: 1).Data;
        NdArray five = run.Normal([5], DType.F32, seed: 1).Data;
        ArgumentException error = Assert.Throws<ArgumentException>(() => EmaStep.Apply([four], [five], 0.5));
        Assert.Contains("F32[5]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => EmaStep.Apply([four], [], 0.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => EmaStep.Apply([four], [four], 1.5));
    }
}
