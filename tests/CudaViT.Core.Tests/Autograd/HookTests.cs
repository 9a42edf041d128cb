using CudaViT.TestKit;

namespace CudaViT.Core.Tests;

public sealed class HookTests
{
    [Fact]
    public void Hooks_see_the_whole_gradient_of_leaves_and_of_intermediate_tensors()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);
        Tensor y = Custom.Square(x);
        List<string> seen = [];
        x.OnGradient(Note("x"));
        y.OnGradient(Note("y"));

        Custom.Add(Custom.Add(y, x), y).Backward(); // 2x² + x

        Assert.Equal(["y 2", "x 13"], seen);
        Assert.Equal([13.0], x.Grad!.ToDoubles());

        Func<NdArray, NdArray?> Note(string name) => gradient =>
        {
            seen.Add($"{name} {gradient.Item()}");
            return null;
        };
    }

    [Fact]
    public void What_a_hook_returns_replaces_the_gradient_and_stays_the_hooks()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);
        NdArray ten = run.Array([10], [1], DType.F64);
        NdArray hundred = run.Array([100], [1], DType.F64);
        Tensor y = Custom.Square(x);
        y.OnGradient(_ => ten);
        x.OnGradient(gradient => Custom.Zip(gradient, hundred, (g, h) => g + h));
        x.OnGradient(gradient => gradient.Item() == 160 ? hundred : null);

        y.Backward(retainGraph: true);
        y.Backward();

        Assert.Equal([200.0], x.Grad!.ToDoubles());
        Assert.Equal(10, ten.Item());
        Assert.Equal(100, hundred.Item());
    }

    [Fact]
    public void A_replacement_of_another_shape_or_type_is_refused()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);
        x.OnGradient(_ => run.Array([1, 2], [2], DType.F64));

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => Custom.Square(x).Backward());
        Assert.Contains("F64[2]", error.Message, StringComparison.Ordinal);
        Assert.Contains("F64[1]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hook_needs_a_gradient_to_come()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);
        Tensor y = Custom.Square(x);
        y.Backward();

        Assert.Throws<InvalidOperationException>(() => x.Detach().OnGradient(_ => null));
        Assert.Throws<InvalidOperationException>(() => y.OnGradient(_ => null));
    }
}
