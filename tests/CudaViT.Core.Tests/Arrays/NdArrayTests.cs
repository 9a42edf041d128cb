using CudaViT.TestKit;

namespace CudaViT.Core.Tests;

public sealed class NdArrayTests
{
    [Fact]
    public void Values_go_to_the_device_and_back()
    {
        using TestRun run = Backends.Open("cpu");

        Assert.Equal([1.5f, -2], NdArray.From<float>(run.Backend, [1.5f, -2], [2]).ToArray<float>());
        Assert.Equal([1L << 60], NdArray.From<long>(run.Backend, [1L << 60], [1, 1]).ToArray<long>());
        Assert.Equal([255.0, 0], NdArray.From<byte>(run.Backend, [255, 0], [2]).ToDoubles());
        Assert.Equal(2.5, NdArray.Full(run.Backend, [], DType.BF16, 2.5).Item());
        Assert.Empty(NdArray.Zeros(run.Backend, [3, 0], DType.F64).ToDoubles());
    }

    [Fact]
    public void Reshaped_arrays_and_rows_are_views_of_the_same_memory()
    {
        using TestRun run = Backends.Open("cpu");
        NdArray x = run.Array([0, 1, 2, 3, 4, 5], [2, 3], DType.F32);

        NdArray columns = x.Reshape(-1, 2);
        NdArray last = columns.Rows(2, 3);
        NdArray none = columns.Rows(1, 1);

        Assert.True(columns.Shape == [3, 2]);
        Assert.Equal([4.0, 5], last.ToDoubles());
        Assert.Equal([4.0], last.Reshape(2).Rows(0, 1).ToDoubles());
        Assert.Equal(0, none.Count);
        last.CopyFrom<float>([7, 8]);
        Assert.Equal([0.0, 1, 2, 3, 7, 8], x.ToDoubles());
    }

    [Fact]
    public void A_clone_has_memory_of_its_own()
    {
        using TestRun run = Backends.Open("cpu");
        NdArray x = run.Array([0, 1, 2, 3], [4], DType.F64);

        NdArray copy = x.Rows(1, 3).Clone();
        x.CopyFrom<double>([9, 9, 9, 9]);

        Assert.Equal([1.0, 2], copy.ToDoubles());
    }

    [Fact]
    public void Writing_from_the_host_is_an_in_place_change()
    {
        using TestRun run = Backends.Open("cpu");
        NdArray x = NdArray.Zeros(run.Backend, [2], DType.F32);
        int version = x.Storage.Version;

        x.Reshape(1, 2).CopyFrom<float>([1, 2]);

        Assert.Equal(version + 1, x.Storage.Version);
    }

    [Fact]
    public void Wrong_shapes_types_and_ranges_are_refused()
    {
        using TestRun run = Backends.Open("cpu");
        NdArray x = NdArray.Zeros(run.Backend, [2, 3], DType.F32);

        Assert.Contains(
            "[2, 3]", Assert.Throws<ArgumentException>(() => x.Reshape(4, 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => x.Reshape(-1, 4));
        Assert.Throws<ArgumentException>(() => NdArray.From<float>(run.Backend, [1, 2], [3]));
        Assert.Contains(
            "F32", Assert.Throws<InvalidOperationException>(x.ToArray<double>).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => x.Item());
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Rows(1, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => x.Rows(2, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => NdArray.Zeros(run.Backend, [], DType.F32).Rows(0, 0));
        Assert.Throws<OverflowException>(() => NdArray.FromDoubles(run.Backend, [256], [1], DType.U8));
    }
}
