using System.ComponentModel.DataAnnotations;
using CudaViT.Core;
using CudaViT.Data.Views;

namespace CudaViT.Training.Settings.FineTuning;

/// <summary>Everything that decides a fine-tuning run. Written to <c>settings.json</c> beside its results.</summary>
[SettingsSection]
public sealed record FineTuneSettings : IRunSettings<FineTuneSettings>
{
    /// <summary>Under this name, fine-tuned models carry these settings, as JSON.</summary>
    public const string MetadataKey = "finetune";

    internal const double ReferenceBatch = 512;

    /// <summary>Name of the recipe that these settings began with.</summary>
    [GivenBy("--recipe")]
    public string Preset { get; init; } = FineTunePresets.All[0].Name;

    /// <summary>The file that the encoder comes from; not read again once there is a checkpoint of the run.</summary>
    [GivenBy("--checkpoint")]
    public string? Checkpoint { get; init; }

    /// <summary>SHA-256 of that file, in hexadecimal.</summary>
    [GivenBy("--checkpoint")]
    public string? CheckpointSha256 { get; init; }

    /// <summary>Seed of every random number: the head's first values, order, views, mixing, drop-path.</summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Type of the activations: f32, bf16 (half the memory, for GPUs), or f64 for proofs. Parameters are f32, or f64
    /// with it.
    /// </summary>
    [AllowedValues(DType.F32, DType.BF16, DType.F64)]
    public DType Dtype { get; init; } = DType.F32;

    /// <summary>How weights are updated.</summary>
    public FineTuneRecipe Recipe { get; init; } = new();

    /// <summary>How images are changed.</summary>
    public FineTuneViewSettings Views { get; init; } = new();

    /// <summary>What it is trained on.</summary>
    public DataSettings Data { get; init; } = new();

    /// <summary>Where and how the run happens; nothing in here changes the result.</summary>
    public RunSettings Run { get; init; } = new();

    /// <summary>What the file of the encoder says of itself: the network, and how it was trained before.</summary>
    /// <remarks>
    /// As a model file has it, wherever it comes from: a settings file that leaves a key out, as model files do, would
    /// give it the default of a run.
    /// </remarks>
    [GivenBy("--checkpoint")]
    public TrainSettings Pretraining { get; init => field = value.ResultOnly(); } = new TrainSettings().ResultOnly();

    /// <summary>The settings of a recipe for an encoder.</summary>
    /// <param name="preset">Name of the recipe; null for the usual one.</param>
    /// <param name="checkpoint">The file of the encoder.</param>
    /// <param name="pretraining">What it says of itself.</param>
    /// <exception cref="SettingsException">There is no such recipe.</exception>
    public static FineTuneSettings Of(string? preset, string checkpoint, TrainSettings pretraining)
    {
        ArgumentNullException.ThrowIfNull(pretraining);
        FineTunePreset found = FineTunePresets.Find(preset ?? FineTunePresets.All[0].Name);
        return new FineTuneSettings
        {
            Preset = found.Name,
            Checkpoint = checkpoint,
            Recipe = FineTunePresets.For(found, pretraining.Model),
            Views = found.Views,
            Data = new DataSettings
            {
                ScaledDecoding = pretraining.Data.ScaledDecoding,
                ExifOrientation = pretraining.Data.ExifOrientation,
                Decoder = pretraining.Data.Decoder,
            },
            Pretraining = pretraining.ResultOnly(),
        };
    }

    /// <summary>
    /// The same run with another number of epochs; the warm-up keeps its share, in whole epochs since the rate changes
    /// with them.
    /// </summary>
    public FineTuneSettings WithEpochs(int epochs) => epochs == Recipe.Epochs ? this : this with
    {
        Recipe = Recipe with
        {
            Epochs = epochs,
            WarmupEpochs = (int)Math.Round((double)Recipe.WarmupEpochs * epochs / Recipe.Epochs),
        },
    };

    int IRunSettings<FineTuneSettings>.Epochs => Recipe.Epochs;

    /// <inheritdoc/>
    public FineTuneSettings Lengthened(int epochs) => this with { Recipe = Recipe with { Epochs = epochs } };

    /// <summary>Checks values against each other.</summary>
    /// <exception cref="SettingsException">The message names the setting, its value and what it must be.</exception>
    public void Validate()
    {
        Pretraining.Model.Validate();
        if (!Dtype.IsFloatingPoint())
        {
            throw new SettingsException($"dtype is {Dtype}, but it must be F32, BF16 or F64.");
        }

        if (Recipe.WarmupEpochs > Recipe.Epochs)
        {
            throw new SettingsException(
                $"recipe.warmupEpochs is {Recipe.WarmupEpochs}, but it must be from 0 to recipe.epochs = "
                + $"{Recipe.Epochs}.");
        }

        if (Recipe.DropPath > 0 && Pretraining.Model.Architecture == Architecture.ResNet50)
        {
            throw new SettingsException(FormattableString.Invariant(
                $"recipe.dropPath is {Recipe.DropPath}, but a ResNet-50 has no branches to drop. Set it to 0."));
        }

        if (Views.TestShortSide < Pretraining.Model.ImageSize)
        {
            throw new SettingsException(
                $"views.testShortSide is {Views.TestShortSide}, but it must be at least {Pretraining.Model.ImageSize}, "
                + "the size of the model's images.");
        }
    }

    /// <summary>What a test image's shorter side is resized to.</summary>
    internal int TestShortSide() =>
        Views.TestShortSide ?? EvaluationTransform.UsualShortSide(Pretraining.Model.ImageSize);

    /// <summary>The same with everything at its default that does not change the result.</summary>
    public FineTuneSettings ResultOnly() => this with
    {
        Checkpoint = null,
        Run = new RunSettings(),
        Data = Data.ResultOnly(),
    };

    /// <inheritdoc/>
    public FineTuneSettings IdentityOnly() => ResultOnly() with { Data = Data.IdentityOnly() };

    /// <summary>The fine-tuned model as other commands read it.</summary>
    /// <param name="classes">Classes that it tells apart.</param>
    internal TrainSettings ModelSettings(int classes) => Pretraining with
    {
        Dtype = Dtype,
        Model = Pretraining.Model with { Classes = classes },
        Data = Data.ResultOnly(),
    };
}
