namespace CudaViT.Training.Settings;

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
