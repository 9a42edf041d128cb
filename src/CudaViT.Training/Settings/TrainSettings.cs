using System.ComponentModel.DataAnnotations;
using CudaViT.Core;
using CudaViT.Data.Views;

namespace CudaViT.Training.Settings;

/// <summary>Everything that decides a training run. Written to <c>settings.json</c> beside its results.</summary>
[SettingsSection]
public sealed record TrainSettings : IRunSettings<TrainSettings>
{
    /// <summary>Under this name, tensor files carry the settings that decided their content, as JSON.</summary>
    public const string MetadataKey = "settings";

    /// <summary>Name of the preset that these settings began with.</summary>
    [GivenBy("--preset")]
    public string Preset { get; init; } = Presets.Quick.Name;

    /// <summary>
    /// Seed of every random number: initial values, order of the images, views. The same seed gives the same bits.
    /// </summary>
    public ulong Seed { get; init; }

    /// <summary>
    /// Type of the activations: f32, bf16 (half the memory, for GPUs), or f64 for proofs. Parameters are f32, or f64
    /// with it.
    /// </summary>
    [AllowedValues(DType.F32, DType.BF16, DType.F64)]
    public DType Dtype { get; init; } = DType.F32;

    /// <summary>The network.</summary>
    public ModelSettings Model { get; init; } = Presets.Quick.Model;

    /// <summary>How it is trained.</summary>
    public RecipeSettings Recipe { get; init; } = Presets.Quick.Recipe;

    /// <summary>How two views are made of an image, apart from size and crop.</summary>
    public ViewSettings Views { get; init; } = new();

    /// <summary>What it begins with.</summary>
    [GivenBy("--init")]
    public InitSettings Init { get; init; } = new();

    /// <summary>What it is trained on.</summary>
    public DataSettings Data { get; init; } = new();

    /// <summary>How it is judged on the way.</summary>
    public EvaluationSettings Evaluation { get; init; } = new();

    /// <summary>Where and how the run happens; nothing in here changes the result.</summary>
    public RunSettings Run { get; init; } = new();

    /// <summary>Type of the parameters.</summary>
    internal DType ParameterType => Dtype == DType.F64 ? DType.F64 : DType.F32;

    /// <summary>The settings of a preset, with defaults for the rest.</summary>
    /// <exception cref="SettingsException">There is no such preset.</exception>
    public static TrainSettings Of(string preset)
    {
        Preset found = Presets.Find(preset);
        return new TrainSettings
        {
            Preset = found.Name,
            Model = found.Model,
            Recipe = found.Recipe,
            Views = found.Views,
            Evaluation = found.Evaluation,
        };
    }

    /// <summary>The same run with another number of epochs; the warm-up keeps its share.</summary>
    public TrainSettings WithEpochs(int epochs) => epochs == Recipe.Epochs ? this : this with
    {
        Recipe = Recipe with
        {
            Epochs = epochs,
            WarmupEpochs = Recipe.WarmupEpochs * epochs / Math.Max(1, Recipe.Epochs),
        },
    };

    int IRunSettings<TrainSettings>.Epochs => Recipe.Epochs;

    /// <inheritdoc/>
    public TrainSettings Lengthened(int epochs) => this with { Recipe = Recipe with { Epochs = epochs } };

    /// <summary>Checks values against each other and their ranges.</summary>
    /// <exception cref="SettingsException">The message names the setting, its value and what it must be.</exception>
    public void Validate()
    {
        Model.Validate();
        Recipe.Validate();
        if (!Dtype.IsFloatingPoint())
        {
            throw new SettingsException($"dtype is {Dtype}, but it must be F32, BF16 or F64.");
        }
    }

    /// <summary>The same with everything at its default that does not change the result.</summary>
    /// <remarks>Where images and initial weights lie does not matter, only what they are.</remarks>
    public TrainSettings ResultOnly() => this with
    {
        Run = new RunSettings(),
        Views = Views with { Augment = AugmentingDevice.Cpu },
        Data = Data.ResultOnly(),
        Init = Init with { Path = null },
    };

    /// <inheritdoc/>
    public TrainSettings IdentityOnly() => ResultOnly() with { Data = Data.IdentityOnly() };

    /// <summary>How the views of an image are made.</summary>
    internal AugmentationSettings Augmentation => Views.ToAugmentation(Model.ImageSize, Recipe.CropMinimum);
}

/// <summary>The weights that a run begins with, unless they are drawn.</summary>
[SettingsSection]
public sealed record InitSettings
{
    /// <summary>A file that training or importing wrote; null to draw initial values.</summary>
    public string? Path { get; init; }

    /// <summary>
    /// SHA-256 of the file in hexadecimal: what decides the result. Null to take that of the file, and its model with
    /// it.
    /// </summary>
    public string? Sha256 { get; init; }
}
