using System.ComponentModel.DataAnnotations;

namespace CudaViT.Training.Settings.FineTuning;

/// <summary>How a classifier is fine-tuned. The defaults are DeiT's (H. Touvron et al., arXiv:2012.12877).</summary>
[SettingsSection]
public sealed record FineTuneRecipe
{
    /// <summary>Images per step, over all devices.</summary>
    [Range(1, 1 << 20)]
    public int Batch { get; init; } = 1024;

    /// <summary>
    /// Passes over the training images. Set alone it leaves the warm-up as it is; the option <c>--epochs</c> scales it.
    /// </summary>
    [Range(1, 1_000_000)]
    public int Epochs { get; init; } = 300;

    /// <summary>
    /// Epochs over which the learning rate rises; it changes from epoch to epoch only. At most <c>recipe.epochs</c>.
    /// </summary>
    [Range(0, 1_000_000)]
    public int WarmupEpochs { get; init; } = 5;

    /// <summary>
    /// Peak learning rate for a batch of 512; the rate used is this times <c>recipe.batch</c> / 512.
    /// </summary>
    [Range(0.0, double.MaxValue)]
    public double BaseLearningRate { get; init; } = 5e-4;

    /// <summary>Learning rate of the first epoch; at most the peak.</summary>
    [Range(0.0, double.MaxValue)]
    public double WarmupLearningRate { get; init; } = 1e-6;

    /// <summary>What the learning rate falls to; at most the peak.</summary>
    [Range(0.0, double.MaxValue)]
    public double FinalLearningRate { get; init; } = 1e-5;

    /// <summary>
    /// Weight decay of matrices; biases, norms, the class token and the position table have none.
    /// </summary>
    [Range(0.0, double.MaxValue)]
    public double WeightDecay { get; init; } = 0.05;

    /// <summary>The learning rate of a layer over that of the one above it; 1 for one rate.</summary>
    [Range(0.0, 1.0)]
    public double LayerDecay { get; init; } = 1;

    /// <summary>
    /// Share of the images for which the last block's branches are left out; earlier blocks' less often, in proportion
    /// to their depth.
    /// </summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double DropPath { get; init; } = 0.1;

    /// <summary>Share of the target that is spread evenly over all classes.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double LabelSmoothing { get; init; } = 0.1;

    /// <summary>
    /// Mixup: a batch is blended with itself in reverse order, by a weight from Beta(this, this); 0 for none.
    /// </summary>
    [Range(0.0, 1000.0)]
    public double Mixup { get; init; } = 0.8;

    /// <summary>
    /// CutMix: a box is taken from the batch in reverse order, of an area from Beta(this, this); 0 for none.
    /// </summary>
    [Range(0.0, 1000.0)]
    public double Cutmix { get; init; } = 1;

    /// <summary>Share of the steps that take CutMix where there are both.</summary>
    [Range(0.0, 1.0)]
    public double SwitchProbability { get; init; } = 0.5;

    /// <summary>
    /// Share of its values that the moving average of all weights keeps in a step; the average is judged beside the
    /// weights. It rises to this value with the steps t, as (1 + t) / (10 + t): the average of a run that is short for
    /// it is over the last tenth. Null for none.
    /// </summary>
    [Range(0.0, 1.0)]
    public double? AverageMomentum { get; init; } = 0.99996;
}
