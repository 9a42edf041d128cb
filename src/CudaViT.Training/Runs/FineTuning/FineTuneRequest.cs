using System.Text.Json.Nodes;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Runs.FineTuning;

/// <summary>
/// What somebody asked for. Resolved in order of precedence: recipe for the encoder, settings file, single options.
/// </summary>
public sealed record FineTuneRequest : RunRequest<FineTuneSettings>
{
    /// <summary>Path of the encoder's file; null for the one that the settings file names.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Reads the settings that a run was begun with.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <exception cref="SettingsException">They cannot be read, or are not those of a fine-tuning run.</exception>
    public static FineTuneSettings Read(RunFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        return SettingsJson.Merge(
            new FineTuneSettings(), SettingsJson.ReadFile(folder.SettingsPath), folder.SettingsPath);
    }

    /// <inheritdoc/>
    public override FineTuneSettings Resolve()
    {
        JsonObject? file = File is null ? null : SettingsJson.ReadFile(File);
        string checkpoint = Checkpoint ?? TextAt(file?["checkpoint"]) ?? throw new SettingsException(
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
            Preset ?? TextAt(file?["preset"]), Path.GetFullPath(checkpoint), pretraining);
        file?.Remove("pretraining");
        settings = settings with
        {
            CheckpointSha256 = FileDigest.Of(checkpoint),
        };
        return Apply(settings, file);
    }

    private protected override FineTuneSettings WithFiles(FineTuneSettings settings) =>
        Checkpoint is null ? settings : settings with { Checkpoint = Path.GetFullPath(Checkpoint) };
}
