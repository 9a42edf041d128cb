using System.ComponentModel.DataAnnotations;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CudaViT.Core;

namespace CudaViT.Training.Settings;

/// <summary>
/// Settings as JSON. A file need not name every key: what it names is laid over settings that are complete already.
/// </summary>
/// <remarks>
/// The records are the schema: their properties are the keys, their types and <see cref="RangeAttribute"/>s what is
/// expected. Each value is checked on its own, so that a message can name the key.
/// </remarks>
public static class SettingsJson
{
    internal static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // a file for people: paths and names as they are
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(new LowerCase(), allowIntegerValues: false) },
    };

    private static readonly JsonDocumentOptions Reading = new()
    {
        CommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowDuplicateProperties = false,
    };

    /// <summary>All settings as indented JSON.</summary>
    public static string Write<T>(T settings)
        where T : class => JsonSerializer.Serialize(settings, Options) + "\n";

    /// <summary>Reads a file as a JSON object, without looking at its keys.</summary>
    /// <exception cref="SettingsException">It cannot be read or is not a JSON object.</exception>
    public static JsonObject ReadFile(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            return JsonNode.Parse(File.ReadAllText(path), documentOptions: Reading) as JsonObject
                ?? throw new SettingsException($"{path}: the file is not a JSON object; expected {{ \"key\": value, "
                    + $"... }}; correct it.");
        }
        catch (JsonException e)
        {
            throw new SettingsException($"{path}: the file is not valid JSON ({OneLine(e.Message)}); correct it.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException(
                $"{path}: the settings cannot be read ({OneLine(e.Message)}); expected a JSON file; "
                + "check the path.", e);
        }
    }

    /// <summary>Lays values over settings.</summary>
    /// <param name="settings">Complete settings.</param>
    /// <param name="changes">Keys of <typeparamref name="T"/>, not necessarily all.</param>
    /// <param name="source">Where the changes come from, for messages: a file name, or an option.</param>
    /// <exception cref="SettingsException">
    /// A key is unknown, or its value of the wrong type or out of range.
    /// </exception>
    public static T Merge<T>(T settings, JsonObject changes, string source)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(changes);
        var merged = (JsonObject)JsonSerializer.SerializeToNode(settings, Options)!;
        Merge(typeof(T), merged, changes, source, prefix: "");
        return merged.Deserialize<T>(Options)!;
    }

    /// <summary>Changes one value.</summary>
    /// <param name="settings">Complete settings.</param>
    /// <param name="key">For example <c>recipe.batch</c>.</param>
    /// <param name="value">The value as it would stand in a file.</param>
    /// <param name="source">Where it comes from: an option.</param>
    /// <exception cref="SettingsException">The value is of the wrong type or out of range.</exception>
    public static T Set<T>(T settings, string key, JsonNode? value, string source)
        where T : class
    {
        ArgumentNullException.ThrowIfNull(key);
        string[] path = key.Split('.');
        JsonNode? nested = value;
        foreach (string part in path.Reverse())
        {
            nested = new JsonObject { [part] = nested };
        }

        return Merge(settings, (JsonObject)nested!, source);
    }

    /// <summary>Checks the properties of one group of settings against their ranges.</summary>
    /// <param name="group">Name of the group, for messages.</param>
    /// <param name="settings">The group.</param>
    /// <exception cref="SettingsException">The message names the setting, its value and what it must be.</exception>
    internal static void RequireRanges<T>(string group, T settings)
        where T : class
    {
        foreach (PropertyInfo property in typeof(T).GetProperties())
        {
            object? value = property.CanWrite ? property.GetValue(settings) : null;
            RangeAttribute? range = property.GetCustomAttribute<RangeAttribute>();
            if (value is not null && range?.IsValid(value) == false)
            {
                throw new SettingsException(string.Create(
                    CultureInfo.InvariantCulture,
                    $"{group}.{NameOf(property)} is {value}, but it must be {SettingKey.RangeOf(range)}."));
            }
        }
    }

    /// <summary>The key of a property.</summary>
    internal static string KeyOf(string propertyName) => JsonNamingPolicy.CamelCase.ConvertName(propertyName);

    /// <summary>The first key whose values differ, with both values; null when there is none.</summary>
    internal static (string Key, string First, string Second)? FirstDifference<T>(T first, T second)
        where T : class =>
        FirstDifference(
            "", JsonSerializer.SerializeToNode(first, Options), JsonSerializer.SerializeToNode(second, Options));

    private static (string, string, string)? FirstDifference(string key, JsonNode? first, JsonNode? second)
    {
        if (first is JsonObject a && second is JsonObject b)
        {
            return a.Concat(b).Select(pair => pair.Key).Distinct() // a key at its default may be missing
                .Select(name => FirstDifference(key == "" ? name : $"{key}.{name}", a[name], b[name]))
                .FirstOrDefault(difference => difference is not null);
        }

        return JsonNode.DeepEquals(first, second) ? null : (key, Shown(first), Shown(second));
    }

    private static void Merge(Type type, JsonObject target, JsonObject changes, string source, string prefix)
    {
        foreach ((string name, JsonNode? value) in changes)
        {
            string key = prefix + name;
            PropertyInfo property = Array.Find(type.GetProperties(), property => NameOf(property) == name)
                ?? throw new SettingsException(
                    $"{source}: the key '{key}' is unknown{Suggestion(type, name)}; expected one of "
                    + $"{string.Join(", ", Keys(type))}; correct or remove it.");
            if (SettingKey.IsSection(property.PropertyType))
            {
                Merge(property.PropertyType, (JsonObject)target[name]!, Section(value, key, source), source, key + ".");
            }
            else
            {
                Check(property, value, key, source);
                target[name] = value?.DeepClone();
            }
        }
    }

    private static JsonObject Section(JsonNode? value, string key, string source) => value as JsonObject
        ?? throw new SettingsException(
            $"{source}: {key} is {Shown(value)}; expected a group of settings {{ \"key\": value, ... }}; correct it.");

    private static void Check(PropertyInfo property, JsonNode? value, string key, string source)
    {
        if (!SettingKey.Allows(property, value))
        {
            throw new SettingsException(
                $"{source}: {key} is {Shown(value)}; expected {SettingKey.ExpectationOf(property)}"
                + $"{SettingKey.Beyond(value)}; correct or remove it.");
        }
    }

    /// <summary>The value of an enumeration as it stands in a file.</summary>
    /// <param name="name">Its name in C#.</param>
    public static string WordOf(string name) => new LowerCase().ConvertName(name);

    /// <summary>A value in a message: at most 40 characters.</summary>
    public static string Shown(JsonNode? value)
    {
        string text = value?.ToJsonString(new JsonSerializerOptions { Encoder = Options.Encoder }) ?? "null";
        return text.Length <= 40 ? text : text[..37] + "...";
    }

    private static string OneLine(string text) => text.ReplaceLineEndings(" ").TrimEnd('.');

    private static string NameOf(PropertyInfo property) => KeyOf(property.Name);

    private static IEnumerable<string> Keys(Type type) =>
        type.GetProperties().Where(property => property.CanWrite).Select(NameOf);

    // A key that exists under another group is the usual mistake; a letter that is wrong the next.
    private static string Suggestion(Type type, string name)
    {
        PropertyInfo? section = type.GetProperties()
            .Where(property => SettingKey.IsSection(property.PropertyType))
            .FirstOrDefault(property => Keys(property.PropertyType).Contains(name));
        return section is null
            ? Spelling.Suggestion(name, Keys(type))
            : $" here ('{name}' belongs under '{NameOf(section)}')";
    }

    /// <summary>Enumeration values as people write them: f32, adamw, resnet50.</summary>
    private sealed class LowerCase : JsonNamingPolicy
    {
        [SuppressMessage("Globalization", "CA1308", Justification = "A spelling for people, not a normal form.")]
        public override string ConvertName(string name) => name.ToLowerInvariant();
    }
}

/// <summary>Settings that cannot be used, or the name of a preset that does not exist.</summary>
public sealed class SettingsException : InputException
{
    /// <summary>Creates the error.</summary>
    public SettingsException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
