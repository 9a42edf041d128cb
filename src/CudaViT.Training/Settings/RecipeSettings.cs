using System.ComponentModel.DataAnnotations;

namespace CudaViT.Training.Settings;

/// <summary>Everything that decides how a MoCo v3 model is trained, apart from data and place.</summary>
[SettingsSection]
public sealed record RecipeSettings
{
    /// <summary>
    /// Images per step. Each is compared with all others of the step, so a larger batch is a harder task.
    /// </summary>
    [Range(2, int.MaxValue)]
    public int Batch { get; init; } = 4096;

    /// <summary>
    /// Passes over the training images. Set alone it leaves the warm-up as it is; the option <c>--epochs</c> scales it.
    /// </summary>
    [Range(1, int.MaxValue)]
    public int Epochs { get; init; } = 300;

    /// <summary>
    /// Epochs over which the learning rate rises from 0 to its peak, before it falls along half a cosine; fractions are
    /// allowed. At most <c>recipe.epochs</c>.
    /// </summary>
    [Range(0.0, double.MaxValue)]
    public double WarmupEpochs { get; init; } = 40;

    /// <summary>Update rule.</summary>
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.AdamW;

    /// <summary>
    /// Peak learning rate for a batch of 256; the rate used is this times <c>recipe.batch</c> / 256.
    /// </summary>
    [Range(0.0, double.MaxValue)]
    public double BaseLearningRate { get; init; } = 1.5e-4;

    /// <summary>Weight decay: the share of a weight that a step takes away is this times the learning rate.</summary>
    [Range(0.0, double.MaxValue)]
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>Which parameters decay.</summary>
    public DecayScope DecayScope { get; init; } = DecayScope.All;

    /// <summary>
    /// Share of its values that the momentum encoder keeps in a step, at the start of the run. 0.99 averages over some
    /// 100 steps; a run of a few hundred steps wants less.
    /// </summary>
    [Range(0.0, 1.0)]
    public double Momentum { get; init; } = 0.99;

    /// <summary>Whether that share rises to 1 along half a cosine until the end of the run.</summary>
    public bool MomentumCosine { get; init; } = true;

    /// <summary>
    /// Temperature of the contrastive loss: similarities, from -1 to 1, are divided by it before the softmax.
    /// </summary>
    [Range(0.0, double.MaxValue, MinimumIsExclusive = true)]
    public double Temperature { get; init; } = 0.2;

    /// <summary>
    /// Smallest share of an image's area that a random crop takes; the largest is all of it. Small images want 0.2 to
    /// 0.4.
    /// </summary>
    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double CropMinimum { get; init; } = 0.08;

    /// <summary>Throws unless a run can be made with these settings.</summary>
    /// <exception cref="SettingsException">The message names the setting, its value and what it must be.</exception>
    public void Validate()
    {
        SettingsJson.RequireRanges("recipe", this);
        if (WarmupEpochs > Epochs)
        {
            throw new SettingsException(FormattableString.Invariant(
                $"recipe.warmupEpochs is {WarmupEpochs}, but it must be from 0 to recipe.epochs = {Epochs}."));
        }
    }
}

/// <summary>Update rule.</summary>
public enum OptimizerKind
{
    /// <summary>Adam with decoupled weight decay.</summary>
    AdamW,

    /// <summary>LARS, for ResNets.</summary>
    Lars,

    /// <summary>LAMB, the paper's comparison.</summary>
    Lamb,

    /// <summary>Gradient descent with momentum.</summary>
    Sgd,
}

/// <summary>Which parameters weight decay applies to.</summary>
public enum DecayScope
{
    /// <summary>Every trained parameter, as in the reference implementation.</summary>
    All,

    /// <summary>
    /// Those with at least two axes longer than 1: weights, but not biases, norm parameters or the class token.
    /// </summary>
    MatricesOnly,
}
