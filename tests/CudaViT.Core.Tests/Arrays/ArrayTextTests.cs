using CudaViT.TestKit;

namespace CudaViT.Core.Tests;

/// <summary>
/// Texts by the rules that NumPy documents for printing: precision 8, threshold 1000, three items at each edge, lines
/// of 75 characters; every value with the fewest digits that tell it from its neighbours, all in one width.
/// </summary>
public sealed class ArrayTextTests
{
    [Fact]
    public void A_matrix_is_aligned_at_the_point_under_its_type_shape_and_device()
    {
        using TestRun run = Backends.Open("cpu");

        Tensor x = run.Leaf([1, -2.5, 10, 0.125, 0, -0.5], [2, 3], DType.F32);

        const string Values = "\n[[ 1.    -2.5   10.   ]\n [ 0.125  0.    -0.5  ]]";
        Assert.Equal("F32[2, 3] on cpu" + Values, $"{x.Data}");
        Assert.Equal("F32[2, 3] on cpu, leaf" + Values, $"{x}");
        Assert.Equal("F32[2, 3] on cpu, leaf", x.Description);
    }

    [Theory]
    [InlineData("[1. 2. 3.]", new double[] { 1, 2, 3 })]
    [InlineData("[0.1 0.2 0.3]", new[] { 0.1, 0.2, 0.3 })]
    [InlineData("[0.33333333 0.66666667 1.        ]", new[] { 1 / 3.0, 2 / 3.0, 1 })]
    [InlineData("[-0.  0.]", new[] { -0.0, 0 })]
    [InlineData("[nan inf  1.]", new[] { double.NaN, double.PositiveInfinity, 1 })]
    [InlineData("[-inf  nan]", new[] { double.NegativeInfinity, double.NaN })]
    [InlineData("[ 1.5  nan -inf]", new[] { 1.5, double.NaN, double.NegativeInfinity })]
    [InlineData("[1.e+00 1.e-05]", new[] { 1, 1e-5 })] // smaller than 1e-4
    [InlineData("[1.5e+00 1.0e-05]", new[] { 1.5, 1e-5 })]
    [InlineData("[1.00000e+00 1.00025e+03]", new[] { 1, 1000.25 })] // more than 1000 times as large
    [InlineData("[   1. 1000.]", new double[] { 1, 1000 })]
    [InlineData("[1.e+08 1.e+08]", new[] { 1e8, 1e8 })]
    [InlineData("[99999999. 99999999.]", new[] { 99999999.0, 99999999 })]
    [InlineData("[ 1.00000000e+000 -1.23456789e-300              nan]", new[] { 1, -1.234567891e-300, double.NaN })]
    public void Floating_point_takes_one_form_for_all(string expected, double[] values)
    {
        using TestRun run = Backends.Open("cpu");

        Assert.Equal(expected, Text(run.Array(values, [values.Length], DType.F64)));
    }

    // 0.1 in float32 needs no more digits than that; the nearest bfloat16 is 0.10009765625.
    [Fact]
    public void Digits_are_those_of_the_type()
    {
        using TestRun run = Backends.Open("cpu");

        Assert.Equal("[0.1 0.7]", Text(run.Array([0.1, 0.7], [2], DType.F32)));
        Assert.Equal("[0.10009766 1.        ]", Text(run.Array([0.1, 1], [2], DType.BF16)));
        Assert.Equal("[  7 -12   0]", Text(run.Array([7, -12, 0], [3], DType.I64)));
        Assert.Equal("[[  0 255]]", Text(run.Array([0, 255], [1, 2], DType.U8)));
    }

    [Fact]
    public void Scalars_and_nothing_have_no_columns()
    {
        using TestRun run = Backends.Open("cpu");

        Assert.Equal("2.0", Text(run.Array([2], [], DType.F32)));
        Assert.Equal("0.3333333333333333", Text(run.Array([1 / 3.0], [], DType.F64)));
        Assert.Equal("1e-05", Text(run.Array([1e-5], [], DType.F64)));
        Assert.Equal("1.5e+16", Text(run.Array([1.5e16], [], DType.F64)));
        Assert.Equal("nan", Text(run.Array([double.NaN], [], DType.F32)));
        Assert.Equal("-3", Text(run.Array([-3], [], DType.I32)));
        Assert.Equal("[]", Text(run.Array([], [0, 3], DType.F32)));
    }

    [Fact]
    public void Matrices_of_a_stack_are_apart()
    {
        using TestRun run = Backends.Open("cpu");

        Assert.Equal(
            "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]",
            Text(run.Array([.. Enumerable.Range(0, 8)], [2, 2, 2], DType.I32)));
    }

    [Fact]
    public void Long_rows_are_wrapped_at_75_characters()
    {
        using TestRun run = Backends.Open("cpu");

        string[] lines = Text(run.Array([.. Enumerable.Range(0, 40)], [40], DType.I32)).Split('\n');

        // 24 columns of two characters and a space; one more would leave no room for a bracket.
        Assert.Equal(2, lines.Length);
        Assert.Equal("[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23", lines[0]);
        Assert.Equal(" 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39]", lines[1]);
    }

    [Fact]
    public void More_than_a_thousand_values_are_shortened_to_their_edges()
    {
        using TestRun run = Backends.Open("cpu");

        Assert.Equal(
            "[   0    1    2 ... 1998 1999 2000]",
            Text(run.Array([.. Enumerable.Range(0, 2001)], [2001], DType.I32)));
        Assert.Equal(
            "[[   0    1    2    3]\n [   4    5    6    7]\n [   8    9   10   11]\n ...\n"
            + " [ 992  993  994  995]\n [ 996  997  998  999]\n [1000 1001 1002 1003]]",
            Text(run.Array([.. Enumerable.Range(0, 1004)], [251, 4], DType.I32)));
        string whole = Text(run.Array([.. Enumerable.Range(0, 1000)], [1000], DType.I32));
        Assert.DoesNotContain("...", whole, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_that_is_gone_is_not_read()
    {
        using TestRun run = Backends.Open("cpu");
        NdArray x = run.Array([1], [1], DType.F32);

        x.Storage.Release();

        Assert.Equal("F32[1] on cpu; its memory was given back", $"{x}");
    }

    private static string Text(NdArray array) => $"{array}"[(array.Description.Length + 1)..];
}
