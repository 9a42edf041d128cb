using CudaViT.Core;

namespace CudaViT.Training.Settings;

/// <summary>The published recipes of MoCo v3, and small ones for folders of thousands of images.</summary>
/// <remarks>
/// "Published commands" are those of the authors' implementation (github.com/facebookresearch/moco-v3, CONFIG.md);
/// "paper" is arXiv:2104.02057.
/// </remarks>
public static class Presets
{
    private const string Commands = "published commands";
    private const string Tried = "tried on drawn scenes, for folders of thousands";
    private const string Scaled = "sizes between small-64 and the published ones; not yet trained to their end";

    private static readonly RecipeSettings Vit = new();

    private static readonly RecipeSettings ResNet = new()
    {
        WarmupEpochs = 10,
        Optimizer = OptimizerKind.Lars,
        BaseLearningRate = 0.3,
        WeightDecay = 1.5e-6,
        Momentum = 0.996,
        Temperature = 1,
        CropMinimum = 0.2,
    };

    /// <summary>Trains on 28×28 grey images in minutes on a CPU.</summary>
    public static Preset Quick { get; } = new(
        "quick",
        new ModelSettings
        {
            ImageSize = 28,
            Channels = 1,
            Patch = 7,
            Width = 96,
            Depth = 3,
            Heads = 3,
            FreezePatch = true,
            HeadHidden = 512,
            HeadOutput = 128,
        },
        new RecipeSettings
        {
            Batch = 128,
            Epochs = 10,
            WarmupEpochs = 1,
            BaseLearningRate = 2e-3,
            WeightDecay = 0.05,
            Momentum = 0.97, // averages over some 30 steps; the 100 of 0.99 are much of a run of 620
            CropMinimum = 0.4,
        },
        "chosen by trying, for the images shipped with the program")
    {
        // Grey images have no hue or saturation to vary; stronger brightness and contrast take their place. And a blur
        // of up to two pixels leaves little of an image of 28.
        Views = new ViewSettings { Brightness = 0.6, Contrast = 0.6, BlurProbabilityA = 0, BlurProbabilityB = 0 },
        Evaluation = new EvaluationSettings(), // an epoch is seconds, and its end has an evaluation
    };

    // Of a small image a crop of 8 % leaves little, and so does a blur of two pixels.
    private static readonly RecipeSettings Small = new()
    {
        Batch = 64, // folders of thousands: 30 steps and more in an epoch
        Epochs = 50,
        WarmupEpochs = 5,
        BaseLearningRate = 2e-3,
        WeightDecay = 0.05,
        Momentum = 0.98, // averages over some 50 steps: short runs have a few hundred
        CropMinimum = 0.3,
    };

    private static readonly ModelSettings SmallVit = new()
    {
        Width = 128,
        Depth = 4,
        Heads = 4,
        FreezePatch = true,
        HeadHidden = 512,
        HeadOutput = 128,
    };

    private static readonly ViewSettings Unblurred = new() { BlurProbabilityA = 0, BlurProbabilityB = 0 };

    /// <summary>All presets, the one for a first run first, and then by the size of their images.</summary>
    public static IReadOnlyList<Preset> All { get; } =
    [
        Quick,
        new("small-32", SmallVit with { ImageSize = 32, Patch = 4 }, Small, Tried)
        {
            Views = Unblurred,
            Evaluation = new EvaluationSettings(),
        },
        new(
            "cifar-10",
            SmallVit with { ImageSize = 32, Patch = 4, Width = 192, Depth = 6, Heads = 3, HeadHidden = 1024 },
            Small with { Batch = 256, Epochs = 100, WarmupEpochs = 10, BaseLearningRate = 1e-3, Momentum = 0.99 },
            Scaled)
        {
            Views = Unblurred,
            Evaluation = new EvaluationSettings(),
        },
        new("small-64", SmallVit with { ImageSize = 64, Patch = 8 }, Small, Tried)
        {
            Views = new ViewSettings { BlurProbabilityA = 0.5 },
            Evaluation = new EvaluationSettings(),
        },
        new(
            "tiny-128",
            Frozen(ModelSettings.VitTiny) with { ImageSize = 128, HeadHidden = 1024 },
            Small with { Batch = 128, BaseLearningRate = 1e-3, WeightDecay = 0.1, Momentum = 0.99, CropMinimum = 0.2 },
            Scaled)
        {
            Views = new ViewSettings { BlurProbabilityA = 0.5 },
            Evaluation = new EvaluationSettings(),
        },
        new("vit-s-300", Frozen(ModelSettings.VitSmall), Vit, Commands),
        new("vit-s-300-1node", Frozen(ModelSettings.VitSmall), Vit with { Batch = 1024 }, Commands),
        new("vit-b-300", Frozen(ModelSettings.VitBase), Vit, Commands),
        new("vit-l-300", Frozen(ModelSettings.VitLarge), Vit, "ViT-B's recipe; the paper searched rate and decay"),
        new(
            "r50-100",
            ModelSettings.ResNet50,
            ResNet with { Epochs = 100, BaseLearningRate = 0.6, WeightDecay = 1e-6, Momentum = 0.99 },
            Commands),
        new("r50-300", ModelSettings.ResNet50, ResNet with { WeightDecay = 1e-6, Momentum = 0.99 }, Commands),
        new("r50-800", ModelSettings.ResNet50, ResNet with { Epochs = 800 }, "paper; warm-up and crops as in r50-1000"),
        new("r50-1000", ModelSettings.ResNet50, ResNet with { Epochs = 1000 }, Commands),
    ];

    /// <summary>The preset of a name.</summary>
    /// <exception cref="SettingsException">There is none; the message lists the names.</exception>
    public static Preset Find(string name) => All.FirstOrDefault(preset => preset.Name == name)
        ?? throw new SettingsException(
            $"There is no preset '{name}'. Choose one of {string.Join(", ", All.Select(preset => preset.Name))}"
            + $"{Spelling.Suggestion(name, All.Select(preset => preset.Name))}.");

    private static ModelSettings Frozen(ModelSettings model) => model with { FreezePatch = true };
}

/// <summary>A named model with the recipe to train it.</summary>
/// <param name="Name">Name on the command line.</param>
/// <param name="Model">The model.</param>
/// <param name="Recipe">The recipe.</param>
/// <param name="Source">Where the numbers come from.</param>
public sealed record Preset(string Name, ModelSettings Model, RecipeSettings Recipe, string Source)
{
    /// <summary>How views are made; by default as in the published recipes.</summary>
    public ViewSettings Views { get; init; } = new();

    /// <summary>How it is judged on the way; by default also by the monitor that drew the paper's curves.</summary>
    public EvaluationSettings Evaluation { get; init; } = new() { MonitorEvery = 50 };
}
