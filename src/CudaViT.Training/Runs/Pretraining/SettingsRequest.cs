using System.Text.Json.Nodes;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Pretraining;

/// <summary>
/// What somebody asked for. Resolved in order of precedence: defaults, preset, the model of the file with initial weights,
/// settings file, single options.
/// </summary>
public sealed record SettingsRequest
{
    /// <summary>Name of a preset; null for the one the file names, or for <c>quick</c>.</summary>
    public string? Preset { get; init; }

    /// <summary>Path of a JSON file with some of the settings; null for none.</summary>
    public string? File { get; init; }

    /// <summary>Path of a file with initial weights; null for the one the settings file names, or for none.</summary>
    public string? Init { get; init; }

    /// <summary>Number of epochs; the warm-up keeps its share. Null to leave it.</summary>
    public int? Epochs { get; init; }

    /// <summary>Single settings.</summary>
    public IReadOnlyList<SettingsOption> Options { get; init; } = [];

    /// <summary>The settings of a new run.</summary>
    /// <exception cref="SettingsException">
    /// A preset, key or value cannot be used; the message says which and where.
    /// </exception>
    public TrainSettings Resolve()
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

    /// <summary>The settings of a run that goes on: its own, with what was asked for now laid over them.</summary>
    /// <param name="stored">The run's <c>settings.json</c>.</param>
    /// <exception cref="SettingsException">
    /// A key or value cannot be used, or would change the result of the run.
    /// </exception>
    public TrainSettings ResolveOver(TrainSettings stored)
    {
        ArgumentNullException.ThrowIfNull(stored);
        TrainSettings wanted = Apply(stored, File is null ? null : SettingsJson.ReadFile(File));
        wanted = Preset is null ? wanted : wanted with { Preset = Preset };
        RequireSame(stored.FirstDifference(wanted));
        return wanted;
    }

    private TrainSettings Apply(TrainSettings settings, JsonObject? file)
    {
        settings = file is null ? settings : SettingsJson.Merge(settings, file, File!);
        settings = settings with { Preset = Preset ?? settings.Preset };
        settings = Init is null ? settings : settings with { Init = new InitSettings { Path = Init } };
        settings = settings.Init is not { Path: { } weights, Sha256: null } ? settings : settings with
        {
            Init = new InitSettings { Path = weights, Sha256 = FileDigest.Of(weights) },
        };
        settings = Epochs is { } epochs ? settings.WithEpochs(epochs) : settings;
        foreach (SettingsOption option in Options)
        {
            settings = SettingsJson.Set(settings, option.Key, option.Value, option.Name);
        }

        return Blaming(File, () =>
        {
            settings.Validate();
            return settings;
        });
    }

    // With a digest beside it, the path is what a run noted: its settings are complete, and the file may be gone.
    private static string? UnreadWeights(JsonObject? file) =>
        file?["init"] is JsonObject init && TextAt(init["sha256"]) is null ? TextAt(init["path"]) : null;

    /// <summary>Refuses to go on with a run under other settings.</summary>
    /// <param name="difference">The first of them: its key, value of the run and value asked for; null if there is none.</param>
    internal static void RequireSame((string Key, string Before, string Now)? difference)
    {
        if (difference is var (key, before, now))
        {
            throw new SettingsException(
                $"{key} is {now}, but the run was started with {before}; expected the same; leave it out, "
                + "or start a new run in another folder.");
        }
    }

    /// <summary>The text that stands at a place; null if there is something else.</summary>
    internal static string? TextAt(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    /// <summary>Puts the name of the file, if there is one, before what is wrong with its content.</summary>
    internal static T Blaming<T>(string? file, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (SettingsException e) when (file is not null)
        {
            throw new SettingsException($"{file}: {e.Message}", e);
        }
    }
}

/// <summary>One setting given by itself.</summary>
/// <param name="Name">What the user wrote, for messages: <c>--batch</c>.</param>
/// <param name="Key">Key of the setting: <c>recipe.batch</c>.</param>
/// <param name="Value">The value as it would stand in a file.</param>
public sealed record SettingsOption(string Name, string Key, JsonNode? Value);
