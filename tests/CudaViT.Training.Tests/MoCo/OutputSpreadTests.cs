using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Methods;

namespace CudaViT.Training.Tests.MoCo;

public sealed class OutputSpreadTests
{
    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void It_is_the_mean_deviation_of_the_unit_outputs(string backend)
    {
        using TestRun run = Backends.Open(backend);
        const int Rows = 20, Width = 6;
        double[] values = Values.Normal(Rows * Width, seed: 1);
        NdArray output = NdArray.FromDoubles(run.Backend, values, [Rows, Width], DType.F64);
        Assert.Equal(Expected(values, Rows, Width), OutputSpread.Of(output).Item(), 1e-12);

        NdArray alike = NdArray.Full(run.Backend, [Rows, Width], DType.F64, 3);
        Assert.Equal(0, OutputSpread.Of(alike).Item(), 1e-12);
    }

    private static double Expected(double[] values, int rows, int width)
    {
        double total = 0;
        double[] lengths = [.. Enumerable.Range(0, rows).Select(i => Math.Sqrt(
            values.AsSpan(i * width, width).ToArray().Sum(value => value * value)))];
        for (int j = 0; j < width; j++)
        {
            double[] column = [.. Enumerable.Range(0, rows).Select(i => values[(i * width) + j] / lengths[i])];
            double mean = column.Average();
            total += Math.Sqrt(column.Average(value => (value - mean) * (value - mean)));
        }

        return total / width * Math.Sqrt(width);
    }
}
