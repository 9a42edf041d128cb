using CudaViT.Core;

namespace CudaViT.Cli.Gradchecks;

/// <summary>
/// Every differentiable operation, in the forms that differ in their gradient. A test compares the list with the code.
/// </summary>
/// <remarks>Except for Cast: it rounds, and differences along a staircase say nothing about its slope.</remarks>
internal static class GradcheckCases
{
    /// <summary>All cases, by name of the operation.</summary>
    public static IReadOnlyList<GradcheckCase> All { get; } =
        [.. Elementwise().Concat(Reductions()).Concat(Shapes()).Concat(Layers()).Concat(Losses()).Concat(Images())
            .OrderBy(c => c.Operation, StringComparer.Ordinal)];

    private static IEnumerable<GradcheckCase> Elementwise() =>
    [
        Binary(nameof(Add), Add.Apply),
        Binary(nameof(Subtract), Subtract.Apply),
        Binary(nameof(Multiply), Multiply.Apply),
        new(nameof(Divide), "broadcast", i => [i.Normal(2, 3, 4), i.Positive(3, 1)], x => Divide.Apply(x[0], x[1])),
        Unary(nameof(Scale), i => i.Normal(3, 5), x => Scale.Apply(x, -1.5)),
        Unary(nameof(Exp), i => i.Normal(3, 5), Exp.Apply),
        Unary(nameof(Log), i => i.Positive(3, 5), Log.Apply),
        Unary(nameof(Sqrt), i => i.Positive(3, 5), Sqrt.Apply),
        Unary(nameof(Tanh), i => i.Normal(3, 5), Tanh.Apply),
        Unary(nameof(Erf), i => i.Normal(3, 5), Erf.Apply),
        Unary(nameof(Gelu), i => i.Normal(3, 5), Gelu.Apply),
        Unary(nameof(Relu), i => i.Distinct(3, 5), Relu.Apply),
        Unary(nameof(Dropout), i => i.Normal(4, 5), x => Dropout.Apply(x, 0.4, seed: 1, stream: 0)),
        Unary(nameof(DropPath), i => i.Normal(6, 3), x => DropPath.Apply(x, 0.4, seed: 1, stream: 0)),
    ];

    private static IEnumerable<GradcheckCase> Reductions() =>
    [
        Unary(nameof(Sum), i => i.Normal(2, 3, 4), x => Sum.Apply(x, [1])),
        Unary(nameof(Mean), i => i.Normal(2, 3, 4), x => Mean.Apply(x, [0, 2], keepDims: true)),
        Unary(nameof(Max), i => i.Distinct(2, 3, 4), x => Max.Apply(x, [1])),
        Unary(nameof(SumTo), i => i.Normal(2, 3, 4), x => SumTo.Apply(x, [3, 1])),
        Unary(nameof(BroadcastTo), i => i.Normal(3, 1), x => BroadcastTo.Apply(x, [2, 3, 4])),
        Unary(nameof(Softmax), i => i.Normal(3, 7), Softmax.Apply),
        Unary(nameof(LogSoftmax), i => i.Normal(3, 7), LogSoftmax.Apply),
        Unary(nameof(L2Normalize), i => i.Normal(4, 9), x => L2Normalize.Apply(x)),
    ];

    private static IEnumerable<GradcheckCase> Shapes() =>
    [
        Unary(nameof(Reshape), i => i.Normal(2, 6), x => Reshape.Apply(x, 3, 4)),
        Unary(nameof(Permute), i => i.Normal(2, 3, 4), x => Permute.Apply(x, 2, 0, 1)),
        Unary(nameof(Slice), i => i.Normal(3, 5), x => Slice.Apply(x, axis: 1, start: 1, end: 4)),
        new(nameof(Concat), "two", i => [i.Normal(2, 3), i.Normal(2, 2)], x => Concat.Apply(x, axis: 1)),
        Unary(
            nameof(GatherRows),
            i => i.Normal(4, 3),
            x => GatherRows.Apply(x, NdArray.From<int>(x.Backend, [2, 0, 2, 3], [4])),
            "a row twice"),
        Unary(nameof(Patchify), i => i.Normal(2, 3, 4, 6), x => Patchify.Apply(x, patch: 2)),
        Unary(
            nameof(Unpatchify),
            i => i.Normal(2, 6, 12),
            x => Unpatchify.Apply(x, channels: 3, height: 4, width: 6, patch: 2)),
    ];

    private static IEnumerable<GradcheckCase> Layers() =>
    [
        new(nameof(MatMul), "plain", i => [i.Normal(3, 5), i.Normal(5, 2)], x => MatMul.Apply(x[0], x[1])),
        new(
            nameof(MatMul),
            "batched, both transposed",
            i => [i.Normal(2, 5, 3), i.Normal(2, 4, 5)],
            x => MatMul.Apply(x[0], x[1], transposeA: true, transposeB: true)),
        new(nameof(BiasAdd), "", i => [i.Normal(3, 5), i.Normal(5)], x => BiasAdd.Apply(x[0], x[1])),
        new(
            nameof(Linear),
            "residual",
            i => [i.Normal(3, 5), i.Normal(4, 5), i.Normal(4), i.Normal(3, 4)],
            x => Linear.Apply(x[0], x[1], x[2], x[3])),
        new(
            nameof(Linear),
            "GELU",
            i => [i.Normal(3, 5), i.Normal(4, 5), i.Normal(4)],
            x => Linear.Apply(x[0], x[1], x[2], gelu: true)),
        new(
            nameof(LayerNorm),
            "affine",
            i => [i.Normal(3, 6), i.Normal(6), i.Normal(6)],
            x => LayerNorm.Apply(x[0], x[1], x[2])),
        Unary(nameof(Attention), i => i.Normal(2, 5, 18), x => Attention.Apply(x, heads: 2)),
        new(
            nameof(BatchNorm),
            "training, two groups",
            i => [i.Normal(8, 3), i.Normal(3), i.Normal(3)],
            x => BatchNorm.Apply(x[0], x[1], x[2], Statistics(x[0], 3), training: true, groups: 2)),
        new(
            nameof(BatchNorm),
            "evaluation",
            i => [i.Normal(4, 3), i.Normal(3), i.Normal(3)],
            x => BatchNorm.Apply(x[0], x[1], x[2], Statistics(x[0], 3), training: false)),
        new(
            nameof(BatchNorm2d),
            "training",
            i => [i.Normal(2, 3, 2, 2), i.Normal(3), i.Normal(3)],
            x => BatchNorm2d.Apply(x[0], x[1], x[2], Statistics(x[0], 3), training: true)),
    ];

    private static IEnumerable<GradcheckCase> Losses() =>
    [
        new(
            nameof(CrossEntropy),
            "label smoothing",
            i => [i.Normal(4, 5)],
            x => CrossEntropy.Apply(x[0], NdArray.From<long>(x[0].Backend, [0, 4, 2, 2], [4]), labelSmoothing: 0.1)),
        Unary(
            nameof(InfoNce),
            i => i.Normal(4, 6),
            x => InfoNce.Apply(x, new InputSource(x.Backend).Normal(6, 6).Data, temperature: 0.2, positiveOffset: 1),
            "more keys than queries"),
    ];

    private static IEnumerable<GradcheckCase> Images() =>
    [
        new(
            nameof(Conv2d),
            "stride 2, padding 1",
            i => [i.Normal(2, 2, 5, 5), i.Normal(3, 2, 3, 3), i.Normal(3)],
            x => Conv2d.Apply(x[0], x[1], x[2], stride: 2, padding: 1)),
        Unary(
            nameof(MaxPool2d),
            i => i.Distinct(1, 2, 5, 5),
            x => MaxPool2d.Apply(x, kernel: 3, stride: 2, padding: 1)),
        Unary(nameof(AvgPool2d), i => i.Normal(1, 2, 5, 5), x => AvgPool2d.Apply(x, kernel: 3, stride: 2, padding: 1)),
        Unary(nameof(GlobalAvgPool), i => i.Normal(2, 3, 3, 2), GlobalAvgPool.Apply),
    ];

    private static GradcheckCase Unary(
        string operation, Func<InputSource, Tensor> input, Func<Tensor, Tensor> function, string what = "") =>
        new(operation, what, i => [input(i)], x => function(x[0]));

    private static GradcheckCase Binary(string operation, Func<Tensor, Tensor, Tensor> function) =>
        new(operation, "broadcast", i => [i.Normal(2, 3, 4), i.Normal(3, 1)], x => function(x[0], x[1]));

    private static BatchNormStatistics Statistics(Tensor x, int channels) => new(x.Backend, channels, DType.F64);
}

/// <summary>An operation at a place where its gradient is worth checking.</summary>
/// <param name="Operation">Name of the operation's class.</param>
/// <param name="What">Which of its forms.</param>
/// <param name="Inputs">Draws the inputs, F64.</param>
/// <param name="Function">The operation, of those inputs.</param>
internal sealed record GradcheckCase(
    string Operation, string What, Func<InputSource, Tensor[]> Inputs, Func<Tensor[], Tensor> Function);
