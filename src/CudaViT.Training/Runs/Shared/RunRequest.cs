using System.Text.Json.Nodes;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Shared;

/// <summary>
/// What somebody asked for, for a run of one kind. Laid over what the kind begins with, in this order: settings file,
/// preset's name, files that the run begins with, number of epochs, single options.
/// </summary>
/// <typeparam name="T">The settings of such a run.</typeparam>
public abstract record RunRequest<T>
    where T : class, IRunSettings<T>
{
    private const string EpochsKey = "recipe.epochs";

    /// <summary>Name of a preset or recipe; null for the one the file names, or the usual one.</summary>
    public string? Preset { get; init; }

    /// <summary>Path of a JSON file with some of the settings; null for none.</summary>
    public string? File { get; init; }

    /// <summary>Number of epochs; the warm-up keeps its share. Null to leave it.</summary>
    public int? Epochs { get; init; }

    /// <summary>Epochs in all of a run that goes on for longer than it was begun for; null to leave it.</summary>
    public int? Extend { get; init; }

    /// <summary>Single settings.</summary>
    public IReadOnlyList<SettingsOption> Options { get; init; } = [];

    /// <summary>The settings of a new run.</summary>
    /// <exception cref="Core.InputException">
    /// A file cannot be read, or a preset, key or value cannot be used; the message says which and where.
    /// </exception>
    public abstract T Resolve();

    /// <summary>The settings of a run that goes on: its own, with what was asked for now laid over them.</summary>
    /// <param name="stored">The run's <c>settings.json</c>.</param>
    /// <exception cref="SettingsException">
    /// A key or value cannot be used, or would change the result of the run.
    /// </exception>
    public T ResolveOver(T stored)
    {
        ArgumentNullException.ThrowIfNull(stored);
        if (Extend < stored.Epochs)
        {
            throw new SettingsException(
                $"--extend is {Extend}, but the run has {stored.Epochs} epochs already; expected the epochs in all, "
                + "more than that.");
        }

        stored = Extend is { } length ? stored.Lengthened(length) : stored;
        T wanted = Apply(stored, File is null ? null : SettingsJson.ReadFile(File));
        if (stored.FirstDifference(wanted) is var (key, before, now))
        {
            throw new SettingsException(
                $"{key} is {now}, but the run was started with {before}; expected the same; leave it out, "
                + (key == EpochsKey ? $"go on for longer with --extend {now}, " : "")
                + "or start a new run in another folder.");
        }

        return wanted;
    }

    /// <summary>Lays what was asked for over settings, and checks them.</summary>
    /// <param name="settings">Complete settings.</param>
    /// <param name="file">The content of <see cref="File"/>, without what has been dealt with; null for none.</param>
    private protected T Apply(T settings, JsonObject? file)
    {
        settings = file is null ? settings : SettingsJson.Merge(settings, file, File!);
        settings = Preset is null ? settings : SettingsJson.Set(settings, "preset", Preset, "preset");
        settings = WithFiles(settings);
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

    /// <summary>Names the files that the run begins with, as they were asked for.</summary>
    private protected abstract T WithFiles(T settings);

    /// <summary>The text that stands at a place; null if there is something else.</summary>
    private protected static string? TextAt(JsonNode? node) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    /// <summary>Puts the name of the file, if there is one, before what is wrong with its content.</summary>
    private protected static TResult Blaming<TResult>(string? file, Func<TResult> make)
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
