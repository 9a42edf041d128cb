using System.Text.Json.Nodes;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Cli.Catalogue;

/// <summary>Every key that a command's settings have, with what is expected, its default and its meaning.</summary>
/// <remarks>All of it is read from the records of settings: there is no second list that could differ.</remarks>
internal static class SettingsCatalogue
{
    /// <summary>The settings of <c>cudavit train</c>.</summary>
    /// <param name="preset">The preset whose values are the defaults; null for that of a first run.</param>
    public static IReadOnlyList<SettingEntry> OfTraining(string? preset)
    {
        TrainSettings defaults = TrainSettings.Of(preset ?? Presets.Quick.Name);
        return Describe("train", typeof(TrainSettings), Values(defaults));
    }

    /// <summary>The settings of <c>cudavit finetune</c>, apart from those that the encoder's file says.</summary>
    /// <param name="recipe">The recipe whose values are the defaults; null for the usual one.</param>
    public static IReadOnlyList<SettingEntry> OfFineTuning(string? recipe)
    {
        FineTunePreset preset = FineTunePresets.Find(recipe ?? FineTunePresets.All[0].Name);
        var defaults = new FineTuneSettings { Preset = preset.Name, Recipe = preset.Recipe, Views = preset.Views };
        return Describe("finetune", typeof(FineTuneSettings), Values(defaults));
    }

    /// <summary>Those that a word means: part of a key, else of a meaning.</summary>
    /// <param name="entries">All.</param>
    /// <param name="word">For example <c>recipe</c> or <c>blur</c>.</param>
    public static IReadOnlyList<SettingEntry> Filter(IReadOnlyList<SettingEntry> entries, string word)
    {
        SettingEntry[] byKey = [.. entries.Where(entry => Has(entry.Key, word))];
        return byKey is not [] ? byKey : [.. entries.Where(entry => Has(entry.Meaning, word))];
    }

    private static SettingEntry[] Describe(string command, Type settings, JsonNode defaults)
    {
        var comments = new XmlComments();
        return
        [
            .. SettingKey.Of(settings)
                .Where(key => !key.Name.StartsWith("pretraining.", StringComparison.Ordinal))
                .Select(key => new SettingEntry(
                    command,
                    key.Name,
                    key.Expectation,
                    Value(defaults, key.Name),
                    comments.Of(key.Property),
                    [.. Choices(comments, key)],
                    key.GivenBy)),
        ];
    }

    private static IEnumerable<SettingChoice> Choices(XmlComments comments, SettingKey key) =>
        key.Choices.Select(value => new SettingChoice(SettingsJson.WordOf(value.ToString()), comments.Of(value)));

    private static JsonNode Values<T>(T settings)
        where T : class => JsonNode.Parse(SettingsJson.Write(settings))!;

    private static JsonNode? Value(JsonNode settings, string key) =>
        key.Split('.').Aggregate((JsonNode?)settings, (node, part) => node?[part])?.DeepClone();

    private static bool Has(string text, string word) => text.Contains(word, StringComparison.OrdinalIgnoreCase);
}

/// <summary>One setting, described.</summary>
/// <param name="Command">The command that has it.</param>
/// <param name="Key">The key, as in <c>--set KEY=VALUE</c>.</param>
/// <param name="Expected">What its value must be.</param>
/// <param name="Default">Its value where nothing is said.</param>
/// <param name="Meaning">What it decides, with its unit.</param>
/// <param name="Choices">The words that it may be, and what each means; empty unless it is one of a few.</param>
/// <param name="GivenBy">The option that sets it instead of <c>--set</c>; null where <c>--set</c> does.</param>
internal sealed record SettingEntry(
    string Command,
    string Key,
    string Expected,
    JsonNode? Default,
    string Meaning,
    IReadOnlyList<SettingChoice> Choices,
    string? GivenBy)
{
    /// <summary>The default as it stands in a file.</summary>
    public string DefaultText => SettingsJson.Shown(Default);
}

/// <summary>A word that a setting may be.</summary>
/// <param name="Word">The word.</param>
/// <param name="Meaning">What it means.</param>
internal sealed record SettingChoice(string Word, string Meaning);
