using CudaViT.Core;

namespace CudaViT.Training.Settings.FineTuning;

/// <summary>The published ways to fine-tune a MoCo v3 encoder.</summary>
/// <remarks>
/// <c>imagenet</c> is DeiT's recipe (arXiv:2012.12877) with the lengths of MoCo v3 (arXiv:2104.02057, section 6.3); the
/// others are the transfer runs of MoCo v3's code. <c>quick</c> is none of them: chosen by trying, for a few minutes
/// with the images shipped with the program, where what keeps large models from overfitting costs more than it gives.
/// </remarks>
public static class FineTunePresets
{
    private const int LargeDepth = 24;
    private const int BaseWidth = 768;

    private static readonly FineTuneRecipe Transfer = new()
    {
        Epochs = 100,
        WarmupEpochs = 3,
        BaseLearningRate = 3e-4,
        WeightDecay = 0.1,
    };

    private static readonly FineTuneViewSettings TransferViews = new()
    {
        CropMinimum = 0.05,
        RandAugmentOperations = 0,
        ColorJitter = 0,
        EraseProbability = 0,
        Repeats = 1,
    };

    private static readonly FineTuneRecipe Quick = new()
    {
        Batch = 128,
        Epochs = 5,
        WarmupEpochs = 0,
        BaseLearningRate = 6e-3,
        DropPath = 0,
        LabelSmoothing = 0,
        Mixup = 0,
        Cutmix = 0,
        AverageMomentum = 0.99,
    };

    private static readonly FineTuneViewSettings QuickViews = new()
    {
        CropMinimum = 1,
        FlipProbability = 0,
        RandAugmentOperations = 0,
        ColorJitter = 0,
        EraseProbability = 0,
        Repeats = 1,
    };

    /// <summary>All of them, the usual one first.</summary>
    public static IReadOnlyList<FineTunePreset> All { get; } =
    [
        new("imagenet", new FineTuneRecipe(), new FineTuneViewSettings(), FollowsModel: true),
        new("cifar10", Transfer, TransferViews),
        new("cifar100", Transfer with { Mixup = 0.5 }, TransferViews),
        new(
            "flowers",
            Transfer with { WeightDecay = 0.3, Mixup = 0, Cutmix = 0 },
            TransferViews with { EraseProbability = 0.25 }),
        new("pets", Transfer with { Cutmix = 0, DropPath = 0 }, TransferViews),
        new("quick", Quick, QuickViews),
    ];

    /// <summary>The preset of a name.</summary>
    /// <exception cref="SettingsException">There is none; the message lists the names.</exception>
    public static FineTunePreset Find(string name) => All.FirstOrDefault(preset => preset.Name == name)
        ?? throw new SettingsException(
            $"There is no recipe '{name}'. Choose one of {string.Join(", ", All.Select(preset => preset.Name))}"
            + $"{Spelling.Suggestion(name, All.Select(preset => preset.Name))}.");

    /// <summary>The recipe for a model.</summary>
    /// <remarks>
    /// ViT-S 300 epochs, ViT-B 150, ViT-L and larger 100 with a drop-path rate of 0.5. A ResNet has no branches that
    /// are dropped here; nobody published its length, so it has ViT-L's.
    /// </remarks>
    internal static FineTuneRecipe For(FineTunePreset preset, ModelSettings model)
    {
        FineTuneRecipe recipe = preset.Recipe;
        if (model.Architecture == Architecture.ResNet50)
        {
            return recipe with { DropPath = 0, Epochs = preset.FollowsModel ? 100 : recipe.Epochs };
        }

        return !preset.FollowsModel ? recipe
            : model.Depth >= LargeDepth ? recipe with { Epochs = 100, DropPath = 0.5 }
            : model.Width >= BaseWidth ? recipe with { Epochs = 150 }
            : recipe;
    }
}

/// <summary>A named way to fine-tune.</summary>
/// <param name="Name">Name on the command line.</param>
/// <param name="Recipe">How weights are updated.</param>
/// <param name="Views">How images are changed.</param>
/// <param name="FollowsModel">
/// Whether the number of epochs and the drop-path rate are those published for the model.
/// </param>
public sealed record FineTunePreset(
    string Name, FineTuneRecipe Recipe, FineTuneViewSettings Views, bool FollowsModel = false);
