using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Methods;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>Picks the method of a run by its settings: the one place that knows them all.</summary>
public static class PretrainingMethods
{
    /// <summary>Builds a model with its optimizer, and draws its initial values.</summary>
    /// <param name="settings">Resolved settings; the model has the channels of the images.</param>
    /// <param name="backend">Device to train on.</param>
    /// <param name="normalization">How pixels become numbers around zero.</param>
    /// <exception cref="SettingsException">No model can be built from the settings.</exception>
    public static IMethodLearner Create(TrainSettings settings, IBackend backend, Normalization normalization) =>
        new MoCoLearner(settings, backend, normalization);

    /// <summary>Puts the weights of a file in place of those drawn.</summary>
    /// <param name="learner">As <see cref="Create"/> gives it.</param>
    /// <param name="init">The file.</param>
    /// <param name="backend">Device of the model.</param>
    /// <returns>A line for the user: what was read, and what was not in the file.</returns>
    /// <exception cref="InputException">The file cannot be read, is another one, or does not fit the model.</exception>
    internal static string LoadInitial(IMethodLearner learner, InitSettings init, IBackend backend) => learner switch
    {
        MoCoLearner moco => InitialWeights.Load(init, moco.Model, backend),
        _ => throw new ArgumentException($"{learner.GetType().Name} does not begin with weights.", nameof(learner)),
    };
}
