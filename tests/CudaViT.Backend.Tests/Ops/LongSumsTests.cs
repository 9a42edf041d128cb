using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>
/// Sums over millions of rows in float32. One running sum of so many terms is off by 1e-5; sums of sums, whose number
/// of roundings grows with the logarithm, stay within a few units of the last place.
/// </summary>
public sealed class LongSumsTests
{
    private const int Rows = (1 << 21) + 77;
    private const int Columns = 3;
    private const double Bound = 5 * 5.97e-8;

    [Fact]
    public void Parameters_of_linear_layers_and_norms()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Uniform([Rows, Columns], DType.F32, seed: 1, low: -1, high: 2);
        NdArray dy = run.Uniform([Rows, Columns], DType.F32, seed: 2, low: 0, high: 1).Data;
        double[] expected = ColumnSums(dy.ToDoubles());

        Tensor bias = run.Normal([Columns], DType.F32, seed: 3);
        Linear.Apply(x, run.Normal([Columns, Columns], DType.F32, seed: 4), bias).Backward(dy);
        Near(expected, bias.Grad, "Linear");

        bias.ZeroGrad();
        Linear.Apply(x, run.Normal([Columns, Columns], DType.F32, seed: 4), bias, gelu: true).Backward(dy);
        Assert.True(double.IsFinite(bias.Grad!.ToDoubles()[0]));

        bias.ZeroGrad();
        BiasAdd.Apply(x, bias).Backward(dy);
        Near(expected, bias.Grad, "BiasAdd");

        bias.ZeroGrad();
        Tensor weight = run.Normal([Columns], DType.F32, seed: 5);
        LayerNorm.Apply(x, weight, bias).Backward(dy);
        Near(expected, bias.Grad, "LayerNorm");

        bias.ZeroGrad();
        BatchNormStatistics statistics = new(run.Backend, Columns, DType.F32);
        BatchNorm.Apply(x, weight, bias, statistics, training: true, momentum: 1).Backward(dy);
        Near(expected, bias.Grad, "BatchNorm");
        Near([.. ColumnSums(x.Data.ToDoubles()).Select(sum => sum / Rows)], statistics.RunningMean, "mean");
    }

    [Fact]
    public void Reductions()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Uniform([Rows, Columns], DType.F32, seed: 1, low: 0, high: 1);
        double[] expected = ColumnSums(x.Data.ToDoubles());

        Near(expected, run.Backend.SumTo(x.Data, [Columns]), "columns");
        Near([expected.Sum()], run.Backend.SumTo(x.Data, [1]), "everything");

        NdArray zeros = NdArray.Zeros(run.Backend, [Rows], DType.I32);
        Tensor table = run.Normal([2, Columns], DType.F32, seed: 2);
        GatherRows.Apply(table, zeros).Backward(x.Data);
        Near([.. expected, 0, 0, 0], table.Grad, "GatherRows");

        double[] logits = x.Data.ToDoubles();
        double loss = Enumerable.Range(0, Rows).Average(
            i => Math.Log(Enumerable.Range(0, Columns).Sum(j => Math.Exp(logits[(i * Columns) + j])))
                - logits[i * Columns]);
        Near([loss], CrossEntropy.Apply(x.Detach(), zeros).Data.Reshape(1), "CrossEntropy");
    }

    private static double[] ColumnSums(double[] values) =>
        [.. Enumerable.Range(0, Columns).Select(
            column => Enumerable.Range(0, Rows).Sum(row => values[(row * Columns) + column]))];

    private static void Near(double[] expected, NdArray? actual, string what)
    {
        double[] values = actual!.ToDoubles();
        for (int i = 0; i < expected.Length; i++)
        {
            double error = Math.Abs(values[i] - expected[i]) / Math.Max(1, Math.Abs(expected[i]));
            Assert.True(error <= Bound, $"{what}, column {i}: {values[i]:g9} for {expected[i]:g9}, off by {error:g3}");
        }
    }
}
