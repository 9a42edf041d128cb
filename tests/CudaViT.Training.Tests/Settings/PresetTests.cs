using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests.Settings;

public sealed class PresetTests
{
    public static TheoryData<string> Names => [.. Presets.All.Select(preset => preset.Name)];

    // The published table, one line per preset.
    [Theory]
    [InlineData("vit-s-300", 4096, 300, OptimizerKind.AdamW, 1.5e-4, 0.1, 40, 0.99, 0.2, 0.08, true)]
    [InlineData("vit-s-300-1node", 1024, 300, OptimizerKind.AdamW, 1.5e-4, 0.1, 40, 0.99, 0.2, 0.08, true)]
    [InlineData("vit-b-300", 4096, 300, OptimizerKind.AdamW, 1.5e-4, 0.1, 40, 0.99, 0.2, 0.08, true)]
    [InlineData("vit-l-300", 4096, 300, OptimizerKind.AdamW, 1.5e-4, 0.1, 40, 0.99, 0.2, 0.08, true)]
    [InlineData("r50-100", 4096, 100, OptimizerKind.Lars, 0.6, 1e-6, 10, 0.99, 1, 0.2, false)]
    [InlineData("r50-300", 4096, 300, OptimizerKind.Lars, 0.3, 1e-6, 10, 0.99, 1, 0.2, false)]
    [InlineData("r50-800", 4096, 800, OptimizerKind.Lars, 0.3, 1.5e-6, 10, 0.996, 1, 0.2, false)]
    [InlineData("r50-1000", 4096, 1000, OptimizerKind.Lars, 0.3, 1.5e-6, 10, 0.996, 1, 0.2, false)]
    public void Published_recipes_are_as_published(
        string name, int batch, int epochs, OptimizerKind optimizer, double rate, double decay, double warmup,
        double momentum, double temperature, double crop, bool isFrozen)
    {
        Preset preset = Presets.Find(name);
        Assert.Equal(
            new RecipeSettings
            {
                Batch = batch,
                Epochs = epochs,
                Optimizer = optimizer,
                BaseLearningRate = rate,
                WeightDecay = decay,
                WarmupEpochs = warmup,
                Momentum = momentum,
                MomentumCosine = true,
                Temperature = temperature,
                CropMinimum = crop,
            },
            preset.Recipe);
        Assert.Equal(isFrozen, preset.Model.FreezePatch);
    }

    [Theory, MemberData(nameof(Names))]
    public void Every_preset_makes_a_model(string name)
    {
        Preset preset = Presets.Find(name);
        preset.Recipe.Validate();
        Assert.True(new MoCoV3(preset.Model, preset.Recipe.Temperature).ParameterCount > 0);
    }

    [Fact]
    public void An_unknown_preset_is_answered_with_the_known_ones()
    {
        SettingsException error = Assert.Throws<SettingsException>(() => Presets.Find("vit-xl"));
        Assert.Contains("'vit-xl'", error.Message, StringComparison.Ordinal);
        Assert.Contains("vit-s-300-1node", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Impossible_settings_are_named_with_their_values()
    {
        ModelSettings tiny = ModelSettings.VitTiny;
        Throws("imageSize is 225", () => (tiny with { ImageSize = 225 }).Validate());
        Throws("multiple of 5", () => (tiny with { Heads = 5 }).Validate());
        Throws("depth is 0", () => (tiny with { Depth = 0 }).Validate());
        Throws("patch is 8", () => (tiny with { Patch = 8, Stem = Stem.Convolution }).Validate());
        Throws("batch is 1", () => new RecipeSettings { Batch = 1 }.Validate());
        Throws("temperature is NaN", () => new RecipeSettings { Temperature = double.NaN }.Validate());
        Throws("warmupEpochs is 400", () => new RecipeSettings { WarmupEpochs = 400 }.Validate());

        static void Throws(string part, Action action) => Assert.Contains(
            part, Assert.Throws<SettingsException>(action).Message, StringComparison.Ordinal);
    }
}
