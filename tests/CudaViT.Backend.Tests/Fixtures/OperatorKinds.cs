using CudaViT.Core;

namespace CudaViT.Backend.Tests;

/// <summary>What each <c>op</c> of the manifest means, in terms of our operations.</summary>
internal static class OperatorKinds
{
    private static readonly Dictionary<string, Action<OperatorCase>> Kinds = new(StringComparer.Ordinal)
    {
        ["linear"] = c => c.Output("y", Linear.Apply(c.Input("x"), c.Input("w"), c.InputIfAny("b"))),
        ["layer_norm"] = c => c.Output(
            "y", LayerNorm.Apply(c.Input("x"), c.InputIfAny("w"), c.InputIfAny("b"), c.Number("eps"))),
        ["gelu"] = c => c.Output("y", Gelu.Apply(c.Input("x"))),
        ["relu"] = c => c.Output("y", Relu.Apply(c.Input("x"))),
        ["identity"] = c => c.Output("y", Dropout.Apply(c.Input("x"), c.Number("p"), seed: 1, stream: 1)),
        ["softmax"] = c => c.Output("y", AlongAxis(c.Input("x"), c.Integer("axis"), Softmax.Apply)),
        ["l2_normalize"] = c => c.Output("y", AlongAxis(c.Input("x"), c.Integer("axis"), Rows(c.Number("eps")))),
        ["attention"] = AttentionLayer,
        ["attention_core"] = AttentionCore,
        ["batch_norm"] = BatchNormalization,
        ["cross_entropy"] = Classification,
        ["contrastive_loss"] = Contrastive,
        ["contrastive_two_ranks"] = ContrastiveOverRanks,
        ["patch_embed"] = c => c.Output("y", Linear.Apply(
            Patchify.Apply(c.Input("x"), c.Integer("patch")), Flat(c.Input("w")), c.InputIfAny("b"))),
        ["conv2d"] = c => c.Output("y", Conv2d.Apply(
            c.Input("x"), c.Input("w"), c.InputIfAny("b"), c.Integer("stride"), c.Integer("padding"))),
        ["max_pool2d"] = c => c.Output("y", MaxPool2d.Apply(
            c.Input("x"), c.Integer("kernel"), c.Integer("stride"), c.Integer("padding"))),
        ["global_avg_pool"] = c => c.Output("y", GlobalAvgPool.Apply(c.Input("x"))),
        ["token_assembly"] = TokenAssembly,
        ["transformer_block"] = TransformerBlock,
        ["conv_stem"] = ConvStem,
        ["optimizer"] = OptimizerTrace.Build,
        ["ema"] = MovingAverage,
        ["matmul"] = c => c.Output("y", MatMul.Apply(c.Input("a"), c.Input("b"))),
        ["casts"] = Casts,
    };

    /// <summary>Computes the results of a case.</summary>
    public static void Build(OperatorCase recorded) => Find(recorded.Kind)(recorded);

    /// <summary>The meaning of a kind.</summary>
    /// <exception cref="InvalidOperationException">There is no such kind.</exception>
    public static Action<OperatorCase> Find(string kind) => Kinds.GetValueOrDefault(kind)
        ?? throw new InvalidOperationException(
            $"The recording has cases of '{kind}', but {nameof(OperatorKinds)} only knows "
            + $"{string.Join(", ", Kinds.Keys)}. Add the kind there.");

    private static Func<Tensor, Tensor> Rows(double epsilon) => x =>
        L2Normalize.Apply(x.Reshape(-1, x.Shape[^1]), epsilon).Reshape(x.Shape.Dimensions);

    private static Tensor AlongAxis(Tensor x, int axis, Func<Tensor, Tensor> apply)
    {
        int place = x.Shape.Axis(axis);
        int last = x.Shape.Rank - 1;
        return place == last ? apply(x) : apply(x.Transpose(place, last)).Transpose(place, last);
    }

    /// <summary>A weight as a matrix [out, everything else].</summary>
    private static Tensor Flat(Tensor weight) => weight.Reshape(weight.Shape[0], -1);

    private static void AttentionLayer(OperatorCase c)
    {
        Tensor qkv = Linear.Apply(c.Input("x"), c.Input("qkv.weight"), c.InputIfAny("qkv.bias"));
        int heads = c.Integer("heads");
        Assert.Equal(qkv.Shape[^1], 3 * heads * c.Integer("head_dim"));
        (Tensor context, NdArray probabilities) = Attention.ApplyWithProbabilities(qkv, heads, c.Number("scale"));
        c.Output("y", Linear.Apply(context, c.Input("proj.weight"), c.InputIfAny("proj.bias")));
        c.Output("context", context);
        c.Output("probs", probabilities);
    }

    /// <summary>From and to [B, heads, T, head width], around an operation on packed tokens [B, T, 3·D].</summary>
    private static void AttentionCore(OperatorCase c)
    {
        Tensor[] packed = [.. new[] { "q", "k", "v" }.Select(part => Tokens(c.Input(part)))];
        Shape split = c.Input("q").Shape;
        (Tensor context, NdArray probabilities) = Attention.ApplyWithProbabilities(
            Concat.Apply(packed, axis: -1), split[1], c.Number("scale"));
        c.Output("y", context.Reshape(split[0], split[2], split[1], split[3]).Permute(0, 2, 1, 3));
        c.Output("probs", probabilities);

        static Tensor Tokens(Tensor x) => x.Permute(0, 2, 1, 3).Reshape(x.Shape[0], x.Shape[2], -1);
    }

    private static void BatchNormalization(OperatorCase c)
    {
        Tensor x = c.Input("x");
        BatchNormStatistics statistics = new(c.Backend, x.Shape[1], c.DType);
        c.Backend.Copy(c.Input("running_mean").Data, statistics.RunningMean);
        c.Backend.Copy(c.Input("running_var").Data, statistics.RunningVariance);
        (Tensor? weight, Tensor? bias) = (c.InputIfAny("w"), c.InputIfAny("b"));
        (bool training, double momentum, double epsilon) = (c.Flag("training"), c.Number("momentum"), c.Number("eps"));
        Tensor y = x.Shape.Rank == 2
            ? BatchNorm.Apply(x, weight, bias, statistics, training, momentum, epsilon)
            : BatchNorm2d.Apply(x, weight, bias, statistics, training, momentum, epsilon);
        c.Output("y", y);
        c.Output("running_mean", statistics.RunningMean);
        c.Output("running_var", statistics.RunningVariance);
    }

    private static void Classification(OperatorCase c)
    {
        Assert.Equal("mean", c.Text("reduction"));
        c.Output("y", CrossEntropy.Apply(c.Input("x"), c.Integers("labels")));
    }

    private static void Contrastive(OperatorCase c)
    {
        (Tensor q, Tensor k, double temperature) = (c.Input("q"), c.Input("k"), c.Number("T"));
        c.Output("y", InfoNce.Apply(q, k, temperature));

        // The operation does not form them; they follow from the pieces it is made of.
        Tensor similarities = MatMul.Apply(L2Normalize.Apply(q.Detach()), L2Normalize.Apply(k), transposeB: true);
        c.Output("logits", Scale.Apply(similarities, 1 / temperature));
    }

    /// <summary>
    /// Each rank has some of the queries and all of the keys; its positives begin at its own first key.
    /// </summary>
    private static void ContrastiveOverRanks(OperatorCase c)
    {
        (int ranks, int rows, double temperature) = (c.Integer("ranks"), c.Integer("per_rank"), c.Number("T"));
        var losses = new Tensor[ranks];
        for (int rank = 0; rank < ranks; rank++)
        {
            Tensor Loss(string queries, string keys) => InfoNce.Apply(
                c.Input(queries).Slice(0, rank * rows, (rank + 1) * rows), c.Input(keys), temperature, rank * rows);

            losses[rank] = Add.Apply(Loss("q1", "k2"), Loss("q2", "k1")).Reshape(1);
            losses[rank].Backward(retainGraph: true);
        }

        c.Output("loss_per_rank", Concat.Apply(losses, axis: 0));
    }

    private static void TokenAssembly(OperatorCase c)
    {
        Tensor x = c.Input("x");
        Tensor token = c.Input("cls_token").BroadcastTo([x.Shape[0], 1, x.Shape[2]]);
        c.Output("y", Add.Apply(Concat.Apply([token, x], axis: 1), c.Input("pos_embed")));
    }

    private static void TransformerBlock(OperatorCase c)
    {
        double epsilon = c.Number("eps");
        Tensor Norm(string name, Tensor x) =>
            LayerNorm.Apply(x, c.Input($"{name}.weight"), c.Input($"{name}.bias"), epsilon);
        Tensor Layer(string name, Tensor x, Tensor? residual = null, bool gelu = false) =>
            Linear.Apply(x, c.Input($"{name}.weight"), c.InputIfAny($"{name}.bias"), residual, gelu);

        Tensor x = c.Input("x");
        Tensor context = Attention.Apply(Layer("attn.qkv", Norm("norm1", x)), c.Integer("heads"));
        x = Layer("attn.proj", context, residual: x);
        Tensor hidden = Layer("mlp.fc1", Norm("norm2", x), gelu: true);
        Assert.Equal(hidden.Shape[^1], x.Shape[^1] * c.Integer("mlp_ratio"));
        c.Output("y", Layer("mlp.fc2", hidden, residual: x));
    }

    /// <summary>
    /// Convolution, batch norm and ReLU as long as there are weights for all; the last convolution is alone.
    /// </summary>
    private static void ConvStem(OperatorCase c)
    {
        Tensor x = c.Input("x");
        int layer = 0;
        int reduction = 1;
        for (; c.HasInput($"proj.{layer + 1}.weight"); layer += 3)
        {
            x = Conv2d.Apply(x, c.Input($"proj.{layer}.weight"), stride: 2, padding: 1);
            string norm = $"proj.{layer + 1}";
            BatchNormStatistics statistics = new(c.Backend, x.Shape[1], c.DType);
            x = BatchNorm2d.Apply(x, c.Input($"{norm}.weight"), c.Input($"{norm}.bias"), statistics, training: true);
            c.Output($"{norm}.running_mean", statistics.RunningMean);
            c.Output($"{norm}.running_var", statistics.RunningVariance);
            x = Relu.Apply(x);
            reduction *= 2;
        }

        x = Conv2d.Apply(x, c.Input($"proj.{layer}.weight"), c.Input($"proj.{layer}.bias"));
        Assert.Equal(c.Integer("patch"), reduction);
        Assert.Equal(c.Integer("embed_dim"), x.Shape[1]);
        c.Output("y", x.Reshape(x.Shape[0], x.Shape[1], -1).Transpose(1, 2));
    }

    private static void MovingAverage(OperatorCase c)
    {
        NdArray average = c.Input("momentum").Data;
        EmaStep.Apply([average], [c.Input("base").Data], c.Number("m"));
        c.Output("y", average);
    }

    private static void Casts(OperatorCase c)
    {
        NdArray x = c.Input("x").Data;
        c.Output("bf16", x.Cast(DType.BF16));
        c.Output("bf16_as_f32", x.Cast(DType.BF16).Cast(DType.F32));

        // Half is a type of files, not of arrays: what is compared is that the reader sees the same numbers.
        double[] halves = [.. x.ToDoubles().Select(value => (double)(Half)value)];
        c.Output("f16", NdArray.FromDoubles(c.Backend, halves, x.Shape, DType.F64));

        NdArray pixels = c.Integers("u8", DType.U8);
        Tensor scaled = NormalizeImages.Apply(pixels.Reshape(1, -1, 1, 1), mean: [0], std: [1], c.DType);
        c.Output("u8_over_255", scaled.Reshape(pixels.Shape.Dimensions));
    }
}
