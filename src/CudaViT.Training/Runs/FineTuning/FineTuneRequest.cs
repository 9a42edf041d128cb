using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>
/// What somebody asked for. Resolved in order of precedence: recipe for the encoder, settings file, single options.
/// </summary>
public sealed record FineTuneRequest
{
    /// <summary>Path of the encoder's file; null for the one that the settings file names.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Name of a recipe; null for the one the file names, or the usual one.</summary>
    public string? Preset { get; init; }

    /// <summary>Path of a JSON file with some of the settings; null for none.</summary>
    public string? File { get; init; }

    /// <summary>Number of epochs; the warm-up keeps its share. Null to leave it.</summary>
    public int? Epochs { get; init; }

    /// <summary>Single settings.</summary>
    public IReadOnlyList<SettingsOption> Options { get; init; } = [];

    /// <summary>Reads the settings that a run was begun with.</summary>
    /// <exception cref="SettingsException">They cannot be read, or are not those of a fine-tuning run.</exception>
    public static FineTuneSettings Read(string path) =>
        SettingsJson.Merge(new FineTuneSettings(), SettingsJson.ReadFile(path), path);

    /// <summary>The settings of a new run.</summary>
    /// <exception cref="InputException">
    /// The encoder cannot be read, or a recipe, key or value cannot be used; the message says which and where.
    /// </exception>
    public FineTuneSettings Resolve()
    {
        JsonObject? file = File is null ? null : SettingsJson.ReadFile(File);
        string checkpoint = Checkpoint ?? SettingsRequest.TextAt(file?["checkpoint"]) ?? throw new SettingsException(
            "--checkpoint is missing; expected the file of an encoder: a final.safetensors of cudavit train, or a file "
            + "of cudavit import.");
        file?.Remove("checkpoint");
        file?.Remove("checkpointSha256"); // of the file that is named now, wherever the settings come from
        TrainSettings pretraining;
        using (SafetensorsFile encoder = SafetensorsFile.Open(checkpoint))
        {
            pretraining = TrainedModel.ReadSettings(encoder, checkpoint);
        }

        FineTuneSettings settings = FineTuneSettings.Of(
            Preset ?? SettingsRequest.TextAt(file?["preset"]), Path.GetFullPath(checkpoint), pretraining);
        file?.Remove("pretraining");
        settings = settings with
        {
            CheckpointSha256 = FileDigest.Of(checkpoint),
        };
        return Apply(settings, file);
    }

    /// <summary>The settings of a run that goes on: its own, with what was asked for now laid over them.</summary>
    /// <param name="stored">The run's <c>settings.json</c>.</param>
    /// <exception cref="SettingsException">
    /// A key or value cannot be used, or would change the result of the run.
    /// </exception>
    public FineTuneSettings ResolveOver(FineTuneSettings stored)
    {
        ArgumentNullException.ThrowIfNull(stored);
        FineTuneSettings wanted = Apply(stored, File is null ? null : SettingsJson.ReadFile(File));
        wanted = Checkpoint is null ? wanted : wanted with { Checkpoint = Path.GetFullPath(Checkpoint) };
        SettingsRequest.RequireSame(stored.FirstDifference(wanted));
        return wanted;
    }

    private FineTuneSettings Apply(FineTuneSettings settings, JsonObject? file)
    {
        settings = file is null ? settings : SettingsJson.Merge(settings, file, File!);
        settings = settings with { Preset = Preset ?? settings.Preset };
        settings = Epochs is { } epochs ? settings.WithEpochs(epochs) : settings;
        foreach (SettingsOption option in Options)
        {
            settings = SettingsJson.Set(settings, option.Key, option.Value, option.Name);
        }

        return SettingsRequest.Blaming(File, () =>
        {
            settings.Validate();
            return settings;
        });
    }
}
