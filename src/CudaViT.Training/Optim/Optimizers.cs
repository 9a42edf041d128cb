using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Optim;

/// <summary>Makes the optimizer that a recipe asks for.</summary>
public static class Optimizers
{
    /// <summary>Makes an optimizer of the trainable ones among <paramref name="parameters"/>.</summary>
    /// <param name="recipe">Update rule, weight decay and its scope.</param>
    /// <param name="parameters">Parameters of an initialized module.</param>
    public static Optimizer Create(RecipeSettings recipe, IEnumerable<Parameter> parameters)
    {
        ArgumentNullException.ThrowIfNull(recipe);
        IReadOnlyList<ParameterGroup> groups = ParameterGroup.Of(parameters, recipe.WeightDecay, recipe.DecayScope);
        return recipe.Optimizer switch
        {
            OptimizerKind.AdamW => new AdamW(groups),
            OptimizerKind.Lars => new Lars(groups),
            OptimizerKind.Lamb => new Lamb(groups),
            OptimizerKind.Sgd => new Sgd(groups),
            _ => throw new SettingsException($"{recipe.Optimizer} is no optimizer."),
        };
    }
}
