using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Optim;

/// <summary>What the schedules of a recipe say at a moment of a run.</summary>
internal static class RecipeSchedules
{
    /// <summary>Learning rate of the step at fractional epoch <paramref name="epoch"/>.</summary>
    public static double LearningRate(this RecipeSettings recipe, double epoch) => Schedules.WarmupCosine(
        epoch, Schedules.ScaledRate(recipe.BaseLearningRate, recipe.Batch), recipe.WarmupEpochs, recipe.Epochs);

    /// <summary>Momentum of the momentum encoder at fractional epoch <paramref name="epoch"/>.</summary>
    public static double EncoderMomentum(this RecipeSettings recipe, double epoch) =>
        Schedules.EncoderMomentum(epoch, recipe.Momentum, recipe.Epochs, recipe.MomentumCosine);

    /// <summary>Learning rate of an epoch: linear over the warm-up, then half a cosine over the whole length.</summary>
    /// <remarks>
    /// As in DeiT the cosine counts from the first epoch, not from the end of the warm-up. Small batches may have a
    /// peak below the rates to begin and end with, which are then the peak.
    /// </remarks>
    /// <param name="recipe">Of a fine-tuning.</param>
    /// <param name="epoch">From 0.</param>
    public static double LearningRate(this FineTuneRecipe recipe, int epoch)
    {
        double peak = recipe.BaseLearningRate * recipe.Batch / FineTuneSettings.ReferenceBatch;
        double first = Math.Min(recipe.WarmupLearningRate, peak);
        double last = Math.Min(recipe.FinalLearningRate, peak);
        return epoch < recipe.WarmupEpochs
            ? first + ((peak - first) * epoch / recipe.WarmupEpochs)
            : last + Schedules.Cosine(epoch, peak - last, recipe.Epochs);
    }
}
