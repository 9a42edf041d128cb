using System.Text.Json.Nodes;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>
/// What somebody asked for. Resolved in order of precedence: defaults, preset, the model of the file with initial
/// weights, settings file, single options.
/// </summary>
public sealed record SettingsRequest : RunRequest<TrainSettings>
{
    /// <summary>Path of a file with initial weights; null for the one the settings file names, or for none.</summary>
    public string? Init { get; init; }

    /// <summary>Reads the settings that a run was begun with.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <exception cref="SettingsException">They cannot be read, or are not those of such a run.</exception>
    public static TrainSettings Read(RunFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return new SettingsRequest { File = folder.SettingsPath }.Resolve();
    }

    /// <inheritdoc/>
    public override TrainSettings Resolve()
    {
        JsonObject? file = File is null ? null : SettingsJson.ReadFile(File);
        string preset = Preset ?? TextAt(file?["preset"]) ?? Presets.Quick.Name;
        TrainSettings settings = Blaming(Preset is null ? File : null, () => TrainSettings.Of(preset));
        if ((Init ?? UnreadWeights(file)) is { } weights)
        {
            settings = settings with { Model = InitialWeights.Model(weights, settings.Model) };
        }

        return Apply(settings, file);
    }

    private protected override TrainSettings WithFiles(TrainSettings settings)
    {
        settings = Init is null ? settings : settings with { Init = new InitSettings { Path = Init } };
        return settings.Init is not { Path: { } weights, Sha256: null } ? settings : settings with
        {
            Init = new InitSettings { Path = weights, Sha256 = FileDigest.Of(weights) },
        };
    }

    // With a digest beside it, the path is what a run noted: its settings are complete, and the file may be gone.
    private static string? UnreadWeights(JsonObject? file) =>
        file?["init"] is JsonObject init && TextAt(init["sha256"]) is null ? TextAt(init["path"]) : null;
}
