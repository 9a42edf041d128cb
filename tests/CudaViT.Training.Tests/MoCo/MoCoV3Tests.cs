using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.MoCo;

public sealed class MoCoV3Tests
{
    private static readonly ModelSettings Tiny = TinyMoCo.Settings;

    public static TheoryData<string, ModelSettings> Variants => new()
    {
        { "learned patch projection", Tiny with { FreezePatch = false } },
        { "learned positions", Tiny with { Position = PositionTable.Learned } },
        { "no positions", Tiny with { Position = PositionTable.None } },
        { "norm, then mean", Tiny with { Pooling = Pooling.NormThenMean } },
        { "mean", Tiny with { Pooling = Pooling.Mean } },
        { "batch normalization before the MLPs", Tiny with { MlpNorm = MlpNorm.Batch } },
        { "no predictor", Tiny with { Predictor = false } },
        { "no batch normalization in the heads", Tiny with { HeadBatchNorm = false } },
        { "convolutional stem", Tiny with { ImageSize = 32, Patch = 16, Stem = Stem.Convolution } },
    };

    [Fact]
    public void The_first_step_of_a_warm_up_moves_statistics_alone()
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run);
        Optimizer optimizer = new AdamW(ParameterGroup.Of(model.Parameters(), weightDecay: 0.1));
        Dictionary<string, byte[]> before = TinyMoCo.Bits(model.State());

        Step(model, optimizer, seed: 1, learningRate: 0, momentum: 0.99);

        foreach ((string name, byte[] bits) in TinyMoCo.Bits(model.State()))
        {
            bool isStatistic = name.Contains("running_", StringComparison.Ordinal)
                || name.EndsWith("num_batches_tracked", StringComparison.Ordinal);
            Assert.Equal(isStatistic, !bits.AsSpan().SequenceEqual(before[name]));
        }
    }

    [Fact]
    public void A_frozen_patch_projection_and_the_position_table_keep_their_bits_through_weight_decay()
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run);
        Optimizer optimizer = new AdamW(ParameterGroup.Of(model.Parameters(), weightDecay: 0.1));
        Dictionary<string, byte[]> before = TinyMoCo.Bits(model.State());

        for (int step = 0; step < 10; step++)
        {
            Step(model, optimizer, seed: step, learningRate: 0.01, momentum: 0.9);
        }

        Dictionary<string, byte[]> after = TinyMoCo.Bits(model.State());
        string[] still = ["pos_embed", "patch_embed.proj.weight", "patch_embed.proj.bias"];
        Assert.All(still, name => Assert.Equal(before[$"base_encoder.{name}"], after[$"base_encoder.{name}"]));
        Assert.All(still, name => Assert.Equal(before[$"momentum_encoder.{name}"], after[$"momentum_encoder.{name}"]));
        Assert.NotEqual(before["base_encoder.norm.weight"], after["base_encoder.norm.weight"]);
        Assert.NotEqual(before["momentum_encoder.norm.weight"], after["momentum_encoder.norm.weight"]);
    }

    [Fact]
    public void A_run_that_is_saved_and_loaded_half_way_ends_in_the_same_bits()
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run);
        Optimizer optimizer = new AdamW(ParameterGroup.Of(model.Parameters(), weightDecay: 0.1));
        for (int step = 0; step < 3; step++)
        {
            Step(model, optimizer, seed: step, learningRate: 0.01, momentum: 0.9);
        }

        MoCoV3 resumed = TinyMoCo.Create(run);
        Optimizer resumedOptimizer = new AdamW(ParameterGroup.Of(resumed.Parameters(), weightDecay: 0.1));
        resumed.Load(model.State().ToDictionary(entry => entry.Name, entry => entry.Array));
        resumedOptimizer.Load(optimizer.State().ToDictionary(entry => entry.Name, entry => entry.Array));
        for (int step = 3; step < 6; step++)
        {
            Step(model, optimizer, seed: step, learningRate: 0.01, momentum: 0.9);
            Step(resumed, resumedOptimizer, seed: step, learningRate: 0.01, momentum: 0.9);
        }

        Assert.Equal(TinyMoCo.Bits(model.State()), TinyMoCo.Bits(resumed.State()));
        Assert.Equal(TinyMoCo.Bits(optimizer.State()), TinyMoCo.Bits(resumedOptimizer.State()));
    }

    // What a monitor may look at: computed anyway, of the first view, by the base encoder.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_features_of_a_step_are_the_base_encoders_of_the_first_view(bool sharesPass)
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run);
        model.SharesPass = sharesPass;
        (Tensor x1, Tensor x2) = (TinyMoCo.Images(model, 1, Tiny), TinyMoCo.Images(model, 2, Tiny));
        double[] expected = model.BaseEncoder.Features(x1).Data.ToDoubles();
        NdArray features = model.Loss(x1, x2, momentum: 0.99).Features;
        Assert.Equal([x1.Shape[0], Tiny.Width], features.Shape);
        TensorAssert.Close(expected, features, Tolerance.For(features.DType, reduced: Tiny.Width));
    }

    // L = ctr(q1, k2) + ctr(q2, k1): a query looks for the key of the other view. Keys of their own view would be found
    // without learning anything, and the loss would fall all the same.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_query_is_held_against_the_key_of_the_other_view(bool sharesPass)
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run, dtype: DType.F64);
        model.SharesPass = sharesPass;
        (Tensor x1, Tensor x2) = (TinyMoCo.Images(model, 1), TinyMoCo.Images(model, 2));
        MoCoOutput output = model.Loss(x1, x2, momentum: 1); // the momentum encoder stays as it is
        double Contrast(Tensor q, Tensor k) => Reference.InfoNce(
            q.Data.ToDoubles(),
            k.Data.ToDoubles(),
            TinyMoCo.Batch,
            TinyMoCo.Batch,
            Tiny.HeadOutput,
            model.Temperature,
            positiveOffset: 0).Loss;
        Assert.Equal(Contrast(output.Q1, output.K2) + Contrast(output.Q2, output.K1), output.Loss.Data.Item(), 1e-12);

        using var noGrad = new NoGrad();
        foreach ((Tensor x, Tensor q, Tensor k, string view) in new[]
        {
            (x1, output.Q1, output.K1, "first view"), (x2, output.Q2, output.K2, "second view"),
        })
        {
            Tensor key = model.MomentumEncoder.Forward(x);
            Tensor query = model.Predictor!.Forward(model.BaseEncoder.Forward(x));
            ModelAssert.Within(key.Data.ToDoubles(), k.Data.ToDoubles(), $"key of the {view}", 1e-12);
            ModelAssert.Within(query.Data.ToDoubles(), q.Data.ToDoubles(), $"query of the {view}", 1e-12);
        }
    }

    [Theory, MemberData(nameof(Variants))]
    public void Every_trained_parameter_of_every_variant_receives_a_gradient(string variant, ModelSettings settings)
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run, settings);

        MoCoOutput output = model.Loss(
            TinyMoCo.Images(model, 1, settings), TinyMoCo.Images(model, 2, settings), momentum: 0.99);
        output.Loss.Backward();

        Assert.True(double.IsFinite(output.Loss.Data.Item()), variant);
        foreach (Parameter parameter in model.Parameters())
        {
            Assert.Equal(parameter.IsTrainable, parameter.Value.Grad is not null);
        }

        IReadOnlyList<double?> norms = GradientNorms.Of(model.WatchedParts);
        Assert.Equal(model.WatchedParts[0].Parameters.Any(parameter => parameter.IsTrainable), norms[0] is not null);
        Assert.All(norms.Skip(1), norm => Assert.True(norm > 0, variant));

        // Sets may share parameters: together the parts are the whole.
        IReadOnlyList<double?> both = GradientNorms.Of(
            [.. model.WatchedParts, new ParameterSet("all", [.. model.Parameters()])]);
        Assert.Equal(norms, both.SkipLast(1));
        Assert.Equal(settings.Depth, norms.Count - 2);
    }

    [Theory, MemberData(nameof(Variants))]
    public void Both_views_in_one_pass_give_the_numbers_of_two_passes(string variant, ModelSettings settings)
    {
        using TestRun run = Backends.Open("cpu");
        var states = new List<double[]>();
        foreach (bool shares in (bool[])[true, false])
        {
            MoCoV3 model = TinyMoCo.Create(run, settings, DType.F64);
            model.SharesPass = shares;
            MoCoOutput output = model.Loss(
                TinyMoCo.Images(model, 1, settings), TinyMoCo.Images(model, 2, settings), momentum: 0.99);
            states.Add([output.Loss.Data.Item(), .. model.State().SelectMany(entry => entry.Array.ToDoubles())]);
        }

        ModelAssert.Within(states[0], states[1], variant, 1e-12);
    }

    [Fact]
    public void Without_a_predictor_queries_are_projections()
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run, Tiny with { Predictor = false }, DType.F64);

        // The encoders are equal at the start.
        MoCoOutput output = model.Loss(TinyMoCo.Images(model, 1), TinyMoCo.Images(model, 2), momentum: 0.99);

        TensorAssert.SameBits(output.K1.Data, output.Q1.Data);
        Assert.DoesNotContain(model.State(), entry => entry.Name.StartsWith("predictor", StringComparison.Ordinal));
    }

    [Fact]
    public void Identical_images_give_the_loss_of_collapse()
    {
        using TestRun run = Backends.Open("cpu");

        // Batch normalization would tell equal rows apart, by dividing rounding errors by nothing.
        ModelSettings settings = Tiny with { HeadBatchNorm = false };
        MoCoV3 model = TinyMoCo.Create(run, settings, DType.F64);
        double[] image = Values.Normal(Tiny.Channels * Tiny.ImageSize * Tiny.ImageSize, seed: 1);
        double[] batch = [.. Enumerable.Repeat(image, TinyMoCo.Batch).SelectMany(values => values)];
        Shape shape = [TinyMoCo.Batch, Tiny.Channels, Tiny.ImageSize, Tiny.ImageSize];
        var x = new Tensor(run.Array(batch, shape, DType.F64));

        double loss = model.Loss(x, x, momentum: 0.99).Loss.Data.Item();

        Assert.Equal(4 * model.Temperature * Math.Log(TinyMoCo.Batch), loss, 1e-12);
    }

    [Fact]
    public void Features_are_those_of_each_image_alone_and_leave_the_model_as_it_was()
    {
        using TestRun run = Backends.Open("cpu");

        // In training mode, batch normalization would let images touch each other.
        ModelSettings settings = Tiny with { MlpNorm = MlpNorm.Batch };
        MoCoV3 model = TinyMoCo.Create(run, settings, DType.F64);
        Tensor images = TinyMoCo.Images(model, 1);
        Dictionary<string, byte[]> before = TinyMoCo.Bits(model.State());

        NdArray all = model.Features(images);
        NdArray one = model.Features(new Tensor(images.Data.Rows(2, 3)));

        Assert.Equal([TinyMoCo.Batch, Tiny.Width], all.Shape);
        ModelAssert.Within(all.Rows(2, 3).ToDoubles(), one.ToDoubles(), "features", 1e-13);
        Assert.True(model.BaseEncoder.IsTraining);
        Assert.Equal(before, TinyMoCo.Bits(model.State()));
    }

    [Fact]
    public void Features_and_keys_give_back_the_memory_of_their_layers()
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run);
        Tensor images = TinyMoCo.Images(model, 1);
        long before = run.Backend.Memory.LiveBytes;

        NdArray features = model.Features(images);

        long kept = run.Backend.Memory.LiveBytes - before;
        Assert.InRange(kept, features.SizeInBytes, 2 * features.SizeInBytes);
        Assert.Equal(0, Tape.SavedBytes);
    }

    [Fact]
    public void Views_that_do_not_fit_are_named()
    {
        using TestRun run = Backends.Open("cpu");
        MoCoV3 model = TinyMoCo.Create(run);
        Tensor images = TinyMoCo.Images(model, 1);
        Tensor large = run.Normal([TinyMoCo.Batch, 2, 12, 12], DType.F32, seed: 1);

        ArgumentException differ = Assert.Throws<ArgumentException>(() => model.Loss(images, large, 0.99));
        ArgumentException misfit = Assert.Throws<ArgumentException>(() => model.Loss(large, large, 0.99));

        Assert.Contains("x2", differ.Message, StringComparison.Ordinal);
        Assert.Contains("[12, 2, 12, 12]", misfit.Message, StringComparison.Ordinal);
    }

    private static void Step(MoCoV3 model, Optimizer optimizer, int seed, double learningRate, double momentum)
    {
        using var scope = new StepScope();
        optimizer.ZeroGrad();
        model.Loss(TinyMoCo.Images(model, seed), TinyMoCo.Images(model, seed + 100), momentum).Loss.Backward();
        optimizer.Step(learningRate);
    }
}
