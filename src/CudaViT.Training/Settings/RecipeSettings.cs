namespace CudaViT.Training.Settings;

/// <summary>Everything that decides how a MoCo v3 model is trained, apart from data and place.</summary>
[SettingsSection]
public sealed record RecipeSettings
{
    /// <summary>Images per step, over all devices.</summary>
    public int Batch { get; init; } = 4096;

    /// <summary>Passes over the training images.</summary>
    public int Epochs { get; init; } = 300;

    /// <summary>Epochs over which the learning rate rises from 0.</summary>
    public double WarmupEpochs { get; init; } = 40;

    /// <summary>Update rule.</summary>
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.AdamW;

    /// <summary>Peak learning rate for a batch of 256; the rate used is proportional to the batch.</summary>
    public double BaseLearningRate { get; init; } = 1.5e-4;

    /// <summary>Weight decay.</summary>
    public double WeightDecay { get; init; } = 0.1;

    /// <summary>What decays.</summary>
    public DecayScope DecayScope { get; init; } = DecayScope.All;

    /// <summary>Momentum of the momentum encoder at the start.</summary>
    public double Momentum { get; init; } = 0.99;

    /// <summary>Whether that momentum rises to 1 along half a cosine.</summary>
    public bool MomentumCosine { get; init; } = true;

    /// <summary>Temperature of the contrastive loss.</summary>
    public double Temperature { get; init; } = 0.2;

    /// <summary>Smallest share of an image's area that a random crop takes.</summary>
    public double CropMinimum { get; init; } = 0.08;

    /// <summary>Throws unless a run can be made with these settings.</summary>
    /// <exception cref="SettingsException">The message names the setting, its value and what it must be.</exception>
    public void Validate()
    {
        Require(Batch >= 2, nameof(Batch), Batch, "at least 2: one image has no negatives");
        Require(Epochs >= 1, nameof(Epochs), Epochs, "at least 1");
        Require(
            WarmupEpochs >= 0 && WarmupEpochs <= Epochs,
            nameof(WarmupEpochs),
            WarmupEpochs,
            $"from 0 to recipe.epochs = {Epochs}");
        Require(IsAmount(BaseLearningRate), nameof(BaseLearningRate), BaseLearningRate, "at least 0");
        Require(IsAmount(WeightDecay), nameof(WeightDecay), WeightDecay, "at least 0");
        Require(Momentum is >= 0 and <= 1, nameof(Momentum), Momentum, "from 0 to 1");
        Require(IsAmount(Temperature) && Temperature > 0, nameof(Temperature), Temperature, "above 0");
        Require(CropMinimum is > 0 and <= 1, nameof(CropMinimum), CropMinimum, "above 0 and at most 1");
    }

    private static void Require(bool isMet, string name, double value, string expected)
    {
        if (!isMet)
        {
            throw new SettingsException(FormattableString.Invariant(
                $"recipe.{SettingsJson.KeyOf(name)} is {value}, but it must be {expected}."));
        }
    }

    private static bool IsAmount(double value) => double.IsFinite(value) && value >= 0;
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
