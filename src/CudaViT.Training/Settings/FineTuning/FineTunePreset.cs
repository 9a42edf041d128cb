namespace CudaViT.Training.Settings;

/// <summary>A named way to fine-tune.</summary>
/// <param name="Name">Name on the command line.</param>
/// <param name="Recipe">How weights are updated.</param>
/// <param name="Views">How images are changed.</param>
/// <param name="FollowsModel">Whether the number of epochs and the drop-path rate are those published for the model.</param>
public sealed record FineTunePreset(
    string Name, FineTuneRecipe Recipe, FineTuneViewSettings Views, bool FollowsModel = false);
