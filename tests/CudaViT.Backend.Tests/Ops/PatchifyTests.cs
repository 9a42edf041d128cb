using CudaViT.Core;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

public sealed class PatchifyTests
{
    // Patches of one pixel; one patch; neither side nor channels alike; enough for several chunks; no image.
    public static TheoryData<string, DType, Shape, int> Cases => Backends.Cross<Shape, int>(
        ([2, 3, 2, 3], 1), ([1, 1, 5, 5], 5), ([2, 3, 4, 6], 2), ([3, 3, 64, 96], 16), ([0, 3, 4, 4], 2));

    [Theory, MemberData(nameof(Cases))]
    public void Patches_lie_where_the_reference_puts_them(string backend, DType dtype, Shape shape, int patch)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal(shape, dtype, seed: 1);

        Tensor y = Patchify.Apply(x, patch);

        double[] expected = Reference.Patchify(x.Data.ToDoubles(), shape[0], shape[1], shape[2], shape[3], patch);
        Assert.Equal([shape[0], shape[2] / patch * (shape[3] / patch), shape[1] * patch * patch], y.Shape);
        Assert.Equal(expected, y.Data.ToDoubles());
    }

    [Theory, MemberData(nameof(Cases))]
    public void Unpatchify_undoes_it_forward_and_backward(string backend, DType dtype, Shape shape, int patch)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal(shape, dtype, seed: 1);
        NdArray dy = run.Normal(shape, dtype, seed: 2).Data;

        Tensor y = Unpatchify.Apply(Patchify.Apply(x, patch), shape[1], shape[2], shape[3], patch);
        y.Backward(dy);

        TensorAssert.SameBits(x.Data, y.Data);
        TensorAssert.SameBits(dy, x.Grad!, "dx");
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Views_may_start_anywhere(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        NdArray x =
            run.Normal([1 + (3 * 16 * 32)], dtype, seed: 1).Data.Rows(1, 1 + (3 * 16 * 32)).Reshape(1, 3, 16, 32);

        NdArray patches = run.Backend.Patchify(x, 16);
        NdArray images = run.Backend.Unpatchify(patches, 3, 16, 32, 16);

        TensorAssert.Within(Reference.Patchify(x.ToDoubles(), 1, 3, 16, 32, 16), patches, bound: 0);
        TensorAssert.SameBits(x, images);
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    [Trait("Category", "GradCheck")]
    public void Backward_passes_gradcheck(string backend)
    {
        using TestRun run = Backends.Open(backend);
        GradCheck.Run(t => Patchify.Apply(t, 2), run.Normal([2, 3, 4, 6], DType.F64, seed: 1));
        GradCheck.Run(t => Unpatchify.Apply(t, 3, 4, 6, 2), run.Normal([2, 6, 12], DType.F64, seed: 2));
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        Tensor x = run.Normal([1, 3, 32, 30], DType.F32, seed: 1);

        Assert.Contains(
            "32 x 30",
            Assert.Throws<ArgumentException>(() => Patchify.Apply(x, 16)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Patchify.Apply(x.Reshape(3, 32, 30), 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => Patchify.Apply(x, 0));
        Assert.Contains(
            "[B, 4, 12]",
            Assert.Throws<ArgumentException>(
                () => Unpatchify.Apply(run.Normal([1, 5, 12], DType.F32, seed: 1), 3, 4, 4, 2)).Message,
            StringComparison.Ordinal);
    }
}
