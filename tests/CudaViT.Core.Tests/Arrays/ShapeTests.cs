namespace CudaViT.Core.Tests;

public sealed class ShapeTests
{
    [Fact]
    public void A_shape_has_a_count_a_rank_and_value_equality()
    {
        Shape shape = [8, 197, 384];

        Assert.Equal(3, shape.Rank);
        Assert.Equal(8L * 197 * 384, shape.Count);
        Assert.Equal(384, shape[^1]);
        Assert.Equal(197 * 384, shape.CountFrom(1));
        Assert.Equal("[8, 197, 384]", shape.ToString());
        Assert.True(shape == [8, 197, 384]);
        Assert.True(shape != [8, 384, 197]);
        Assert.Equal(Shape.Create(2, 3).GetHashCode(), Shape.Create(2, 3).GetHashCode());
    }

    [Fact]
    public void The_shape_of_a_scalar_has_no_dimensions_and_one_element()
    {
        Assert.Equal(0, default(Shape).Rank);
        Assert.Equal(1, default(Shape).Count);
        Assert.True(default == (Shape)[]);
        Assert.Equal("[]", default(Shape).ToString());
    }

    [Fact]
    public void Counts_beyond_32_bits_are_exact_and_beyond_64_are_refused()
    {
        Assert.Equal(1L << 40, Shape.Create(1 << 20, 1 << 20).Count);
        Assert.Equal(0, Shape.Create(int.MaxValue, int.MaxValue, int.MaxValue, 0).Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => Shape.Create(1 << 30, 1 << 30, 1 << 30));
        Assert.Throws<ArgumentOutOfRangeException>(() => Shape.Create(2, -1));
    }

    [Fact]
    public void An_axis_may_count_from_the_end()
    {
        Shape shape = [2, 3, 4];

        Assert.Equal(2, shape.Axis(-1));
        Assert.Equal(0, shape.Axis(-3));
        Assert.True(shape.With(-2, 7) == [2, 7, 4]);
        ArgumentOutOfRangeException error = Assert.Throws<ArgumentOutOfRangeException>(() => shape.Axis(3));
        Assert.Contains("[2, 3, 4]", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => shape.Axis(-4));
    }

    // Equal ranks; one missing on either side; both stretched; a scalar; an empty dimension, which a 1 follows.
    [Theory]
    [InlineData(new[] { 2, 3 }, new[] { 2, 3 }, new[] { 2, 3 })]
    [InlineData(new[] { 4, 2, 3 }, new[] { 3 }, new[] { 4, 2, 3 })]
    [InlineData(new[] { 3 }, new[] { 4, 1, 1 }, new[] { 4, 1, 3 })]
    [InlineData(new[] { 2, 1, 5 }, new[] { 1, 6, 1 }, new[] { 2, 6, 5 })]
    [InlineData(new int[0], new[] { 2, 3 }, new[] { 2, 3 })]
    [InlineData(new[] { 0, 3 }, new[] { 1, 3 }, new[] { 0, 3 })]
    public void Shapes_broadcast_from_the_right(int[] a, int[] b, int[] expected)
    {
        Assert.Equal(expected, Shape.Broadcast(Shape.Create(a), Shape.Create(b)).Dimensions.ToArray());
        Assert.Equal(expected, Shape.Broadcast(Shape.Create(b), Shape.Create(a)).Dimensions.ToArray());
    }

    [Theory]
    [InlineData(new[] { 2, 3 }, new[] { 2 })]
    [InlineData(new[] { 4, 3 }, new[] { 2, 3 })]
    [InlineData(new[] { 0 }, new[] { 2 })]
    public void Shapes_that_do_not_broadcast_are_named(int[] a, int[] b)
    {
        ArgumentException error = Assert.Throws<ArgumentException>(
            () => Shape.Broadcast(Shape.Create(a), Shape.Create(b)));
        Assert.Contains(Shape.Create(a).ToString(), error.Message, StringComparison.Ordinal);
        Assert.Contains(Shape.Create(b).ToString(), error.Message, StringComparison.Ordinal);
    }
}
