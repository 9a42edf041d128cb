using CudaViT.Core;
using CudaViT.Cpu;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models;
using CudaViT.Training.Models.Vit;
using CudaViT.Training.Optim;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Runs.FineTuning;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.FineTuning;

public sealed class FineTuneSettingsTests
{
    [Fact]
    public void The_published_lengths_and_rates_follow_the_model()
    {
        Assert.Equal((300, 0.1, 5), Of(ModelSettings.VitSmall));
        Assert.Equal((150, 0.1, 5), Of(ModelSettings.VitBase));
        Assert.Equal((100, 0.5, 5), Of(ModelSettings.VitLarge));
        Assert.Equal((100, 0.0, 5), Of(ModelSettings.ResNet50));
        Assert.Equal((100, 0.1, 3), Of(ModelSettings.VitBase, "cifar10"));

        static (int, double, int) Of(ModelSettings model, string? preset = null)
        {
            FineTuneSettings settings = For(model, preset);
            settings.Validate();
            return (settings.Recipe.Epochs, settings.Recipe.DropPath, settings.Recipe.WarmupEpochs);
        }
    }

    [Theory]
    [InlineData("cifar10", 0.1, 0.8, 1, 0, 0.1)]
    [InlineData("cifar100", 0.1, 0.5, 1, 0, 0.1)]
    [InlineData("flowers", 0.3, 0, 0, 0.25, 0.1)]
    [InlineData("pets", 0.1, 0.8, 0, 0, 0)]
    public void Transfer_recipes_are_the_published_table(
        string name, double decay, double mixup, double cutmix, double erase, double dropPath)
    {
        FineTuneSettings settings = For(ModelSettings.VitBase, name);
        FineTuneRecipe recipe = settings.Recipe;
        Assert.Equal(
            (decay, mixup, cutmix, dropPath), (recipe.WeightDecay, recipe.Mixup, recipe.Cutmix, recipe.DropPath));
        Assert.Equal(erase, settings.Views.EraseProbability);
        Assert.Equal((0.05, 0, 0, 1), (settings.Views.CropMinimum, settings.Views.RandAugmentOperations,
            settings.Views.ColorJitter, settings.Views.Repeats));
        Assert.Equal((3e-4, 3, 100, 1024), (recipe.BaseLearningRate, recipe.WarmupEpochs, recipe.Epochs, recipe.Batch));
        Assert.Equal(256, settings.TestShortSide());
    }

    [Fact]
    public void The_learning_rate_rises_for_five_epochs_and_falls_along_a_cosine()
    {
        FineTuneSettings settings = For(ModelSettings.VitSmall);
        Assert.Equal(1e-6, settings.Recipe.LearningRate(0));
        // 5e-4 for 512, so 1e-3 for 1024.
        Assert.Equal(1e-6 + ((1e-3 - 1e-6) * 3 / 5), settings.Recipe.LearningRate(3), 1e-15);
        Assert.Equal(
            1e-5 + ((1e-3 - 1e-5) * 0.5 * (1 + Math.Cos(Math.PI * 5 / 300))), settings.Recipe.LearningRate(5), 1e-15);
        Assert.Equal(1e-5 + ((1e-3 - 1e-5) / 2), settings.Recipe.LearningRate(150), 1e-15);
        Assert.InRange(settings.Recipe.LearningRate(299), 1e-5, 1.01e-5);

        FineTuneSettings small = settings with { Recipe = settings.Recipe with { Batch = 4 } }; // a peak of 3.9e-6
        Assert.Equal(small.Recipe.LearningRate(5), small.Recipe.LearningRate(299), 1e-12);
        Assert.Equal((10, 0), (settings.WithEpochs(10).Recipe.Epochs, settings.WithEpochs(10).Recipe.WarmupEpochs));
        Assert.Equal(1, settings.WithEpochs(40).Recipe.WarmupEpochs);
    }

    [Fact]
    public void What_does_not_go_together_is_named()
    {
        FineTuneSettings vit = For(ModelSettings.VitSmall);
        FineTuneSettings resnet = For(ModelSettings.ResNet50);
        Refused("recipe.warmupEpochs", vit with { Recipe = vit.Recipe with { Epochs = 3 } });
        Refused("recipe.dropPath", resnet with { Recipe = resnet.Recipe with { DropPath = 0.1 } });
        Refused("views.testShortSide", vit with { Views = vit.Views with { TestShortSide = 100 } });
        Refused("dtype", vit with { Dtype = DType.I32 });
        Assert.Throws<SettingsException>(() => FineTunePresets.Find("mnist"));
        Assert.Contains("cudavit finetune", Assert.Throws<SettingsException>(
            () => new MoCoV3(TinyRun.Settings.Model with { Classes = 3 }, temperature: 1)).Message);

        static void Refused(string key, FineTuneSettings settings) =>
            Assert.StartsWith(key, Assert.Throws<SettingsException>(settings.Validate).Message);
    }

    // Input, two blocks, output: rates 0.5³, 0.5², 0.5, 1; neither table, class token, biases nor norms decay.
    [Fact]
    public void Layers_have_rates_of_their_own_and_only_weights_decay()
    {
        var model = new Classifier(TinyRun.Settings.Model with { Classes = 3 });
        model.Freeze(false);
        IReadOnlyList<ParameterGroup> groups = ParameterGroup.ByLayer(model.Encoder.Layers, 0.05, layerDecay: 0.5);
        Assert.Equal(model.Parameters().Count(), groups.Sum(group => group.Parameters.Count));
        (double Decay, double Scale) Of(string name) => groups
            .Where(group => group.Parameters.Any(parameter => parameter.Name == $"base_encoder.{name}"))
            .Select(group => (group.WeightDecay, group.RateScale)).Single();
        Assert.Equal((0, 0.125), Of("pos_embed"));
        Assert.Equal((0, 0.125), Of("cls_token"));
        Assert.Equal((0.05, 0.125), Of("patch_embed.proj.weight"));
        Assert.Equal((0, 0.125), Of("patch_embed.proj.bias"));
        Assert.Equal((0.05, 0.25), Of("blocks.0.attn.qkv.weight"));
        Assert.Equal((0, 0.5), Of("blocks.1.norm1.weight"));
        Assert.Equal((0, 1), Of("norm.bias"));
        Assert.Equal((0.05, 1), Of("head.weight"));
        Assert.Equal(2, ParameterGroup.ByLayer(model.Encoder.Layers, 0.05, layerDecay: 1).Count);
    }

    // A model of three blocks: rates 0, p / 2 and p. What is left out of a block leaves the tokens as they came.
    [Fact]
    public void Deeper_blocks_are_left_out_more_often_and_only_in_training()
    {
        using var backend = new CpuBackend(threads: 1);
        using var scope = new StepScope();
        using var noGrad = new NoGrad();
        var model = new Classifier(TinyRun.Settings.Model with { Classes = 3, Depth = 3 });
        model.Initialize(backend, DType.F64, seed: 1);
        var images = new Tensor(NdArray.FromDoubles(backend, new double[64 * 64], [64, 1, 8, 8], DType.F64));
        double[] whole = model.Logits(images).Data.ToDoubles();
        model.StochasticDepth = new StochasticDepth(0.5, Seed: 1, Step: 7);
        double[] dropped = model.Logits(images).Data.ToDoubles();

        // All images are alike, so an image's logits say which of the four branches of blocks 1 and 2 it lost.
        int[] patterns = [.. Enumerable.Range(0, 64).Select(i => Pattern(i))];
        Assert.Equal(patterns, Groups(dropped));
        Assert.Equal(dropped, model.Logits(images).Data.ToDoubles());
        model.StochasticDepth = new StochasticDepth(0.5, Seed: 1, Step: 8);
        Assert.NotEqual(dropped, model.Logits(images).Data.ToDoubles());
        model.Train(false);
        Assert.Equal(whole, model.Logits(images).Data.ToDoubles());

        static int Pattern(int sample)
        {
            int pattern = 0;
            for (int layer = 2; layer < 6; layer++)
            {
                var stream = new RandomStream(1, epoch: 7, layer, view: 0, RandomOperation.DropPath);
                pattern = (2 * pattern) + (stream.Single(sample) >= (layer < 4 ? 0.25 : 0.5) ? 1 : 0);
            }

            return pattern;
        }

        // Numbers equal logits by the pattern of the first image that has them.
        int[] Groups(double[] logits) => [.. Enumerable.Range(0, 64).Select(i =>
            Pattern(Enumerable.Range(0, 64).First(j => logits[3 * j] == logits[3 * i])))];
    }

    [Fact]
    public void A_ResNet_is_tuned_too()
    {
        using var backend = new CpuBackend();
        var model = new ModelSettings { Architecture = Architecture.ResNet50, ImageSize = 8, Channels = 1 };
        FineTuneSettings settings = For(model) with { Views = new FineTuneViewSettings { Repeats = 1 } };
        settings = settings with { Recipe = settings.Recipe with { Batch = 4, LayerDecay = 0.9 } };
        byte[] pixels = new byte[4 * 64];
        new System.Random(1).NextBytes(pixels);
        var images = new InMemoryDataset("noise", pixels, 8, 8, 1, [0, 1, 2, 0], classCount: 3);
        var learner = new FineTuneLearner(settings, classes: 3, backend, images.Normalization);
        using var feed = BatchFeed.Of(
            images,
            settings.Views.ToViews(8, images.Normalization),
            new DataLoaderSettings { BatchSize = 4, Seed = 1, Epochs = 1 },
            learner.Input,
            backend);
        Assert.True(feed.TryNext(out DeviceBatch? batch));
        using var scope = new StepScope();
        FineTuneOutcome outcome = learner.Step(batch, step: 0);
        Assert.InRange(outcome.Loss, 0.1, 10);
        Assert.True(outcome.GradientNorm > 0);
        Assert.Equal(12, learner.Judge(learner.Average!, learner.Input.ToTensor(pixels)).Length);
        Assert.Contains(learner.Model.State(), named => named.Name == "base_encoder.fc.weight");
    }

    private static FineTuneSettings For(ModelSettings model, string? preset = null) =>
        FineTuneSettings.Of(preset, "encoder.safetensors", new TrainSettings { Model = model });
}
