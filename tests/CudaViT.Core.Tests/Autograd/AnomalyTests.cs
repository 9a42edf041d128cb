using System.Runtime.CompilerServices;
using CudaViT.TestKit;

namespace CudaViT.Core.Tests;

public sealed class AnomalyTests
{
    [Fact]
    public void A_forward_pass_that_makes_NaN_is_named_with_shape_and_line()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, double.PositiveInfinity, 2, 3], [2, 2], DType.F32);
        using var anomaly = new Anomaly();

        string place = "";
        AnomalyException error = Assert.Throws<AnomalyException>(() =>
        {
            place = Here();
            Tensor y = L2Normalize.Apply(x);
            GC.KeepAlive(y); // keeps the line above from becoming a tail call, whose frame would be gone
        });

        Assert.Contains("L2Normalize forward", error.Message, StringComparison.Ordinal);
        Assert.Contains("NaN at element 1 of F32[2, 2]", error.Message, StringComparison.Ordinal);
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_backward_pass_that_makes_infinity_is_named_with_the_line_of_its_forward_pass()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([0, 0, 1, 0], [2, 2], DType.F32);
        using var anomaly = new Anomaly();

        string place = Here();
        Tensor y = L2Normalize.Apply(x, epsilon: 1e-30);
        AnomalyException error = Assert.Throws<AnomalyException>(() =>
            y.Reshape(4).Backward(run.Array([1e30, 0, 0, 0], [4], DType.F32)));

        Assert.Contains("L2Normalize backward", error.Message, StringComparison.Ordinal);
        Assert.Contains("gradient of input 0", error.Message, StringComparison.Ordinal);
        Assert.Contains("F32[2, 2]", error.Message, StringComparison.Ordinal);
        Assert.Contains(place, error.Message, StringComparison.Ordinal);
        Assert.Null(x.Grad);
    }

    [Fact]
    public void A_forward_pass_outside_of_anomaly_mode_has_no_line_and_the_message_says_so()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([0], [1], DType.F64);
        Tensor y = Custom.Map(x, v => v, _ => double.NaN, "Faulty");

        using var anomaly = new Anomaly();
        AnomalyException error = Assert.Throws<AnomalyException>(() => y.Backward());

        Assert.Contains("Faulty backward", error.Message, StringComparison.Ordinal);
        Assert.Contains("before the forward pass", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_the_mode_NaN_passes_and_with_it_finite_values_do()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([0], [1], DType.F64);
        Tensor bad = Custom.Map(x, _ => double.NaN, _ => double.NaN);
        bad.Backward();
        Assert.True(double.IsNaN(x.Grad!.Item()));
        x.ZeroGrad();

        using (new Anomaly())
        using (new Anomaly())
        {
            Custom.Square(x).Backward();
        }

        Assert.False(Anomaly.IsActive);
        Assert.Equal(0, x.Grad!.Item());
    }

    /// <summary>File and number of the line after the caller's, as messages give them.</summary>
    private static string Here([CallerFilePath] string file = "", [CallerLineNumber] int line = 0) =>
        $"{Path.GetFileName(file)}:{line + 1}";
}
