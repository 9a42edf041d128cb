using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using CudaViT.Core;

namespace CudaViT.Training.Settings;

/// <summary>A key of a settings file, such as <c>recipe.batch</c>: what is expected of its value.</summary>
public sealed class SettingKey
{
    private SettingKey(string name, PropertyInfo property, string? givenBy) =>
        (Name, Property, GivenBy) = (name, property, givenBy);

    /// <summary>The key with its groups.</summary>
    public string Name { get; }

    /// <summary>The option that sets it, where setting it alone would do harm; null where <c>--set</c> may.</summary>
    public string? GivenBy { get; }

    /// <summary>What its value must be, in words: <c>a whole number of at least 2</c>.</summary>
    public string Expectation => ExpectationOf(Property);

    /// <summary>The property that it stands for.</summary>
    public PropertyInfo Property { get; }

    /// <summary>The values of an enumeration that it may have; empty if it is something else.</summary>
    public IReadOnlyList<Enum> Choices => ChoicesOf(Property);

    /// <summary>All keys of a record of settings, in its order.</summary>
    /// <param name="settings">For example <see cref="TrainSettings"/>.</param>
    public static IReadOnlyList<SettingKey> Of(Type settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return [.. Of(settings, prefix: "", givenBy: null)];
    }

    /// <summary>Finds a key that may be set by itself.</summary>
    /// <param name="settings">For example <see cref="TrainSettings"/>.</param>
    /// <param name="name">The key.</param>
    /// <exception cref="SettingsException">
    /// There is no such key, or an option sets it; the message says which.
    /// </exception>
    public static SettingKey Find(Type settings, string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        IReadOnlyList<SettingKey> keys = Of(settings);
        SettingKey? found = keys.FirstOrDefault(key => key.Name == name);
        return found switch
        {
            { GivenBy: null } => found,
            { GivenBy: { } option } => throw new SettingsException($"{name} is set by {option}; use that instead."),
            _ => throw new SettingsException(
                $"the key '{name}' is unknown{Meant(keys, name)}; expected one that cudavit settings lists."),
        };
    }

    /// <summary>Reads a value as it is written on a command line.</summary>
    /// <param name="text">A number, a word, true, false or null; texts stand without quotes.</param>
    /// <exception cref="SettingsException">It is not what is expected.</exception>
    public JsonNode? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Type type = Nullable.GetUnderlyingType(Property.PropertyType) ?? Property.PropertyType;
        JsonNode? value = text == "null" ? null
            : type == typeof(string) || type.IsEnum ? JsonValue.Create(text)
            : ParseOrQuote(text);
        return Allows(Property, value)
            ? value
            : throw new SettingsException(
                $"{Name} is {SettingsJson.Shown(value)}; expected {Expectation}{Beyond(value)}.");
    }

    /// <summary>What a property of a record of settings must be.</summary>
    internal static string ExpectationOf(PropertyInfo property)
    {
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        string kind =
            type == typeof(bool) ? "true or false"
            : type == typeof(string) ? "a text"
            : type.IsEnum ? "one of "
                + string.Join(", ", ChoicesOf(property).Select(value => SettingsJson.WordOf(value.ToString())))
            : type == typeof(double) ? "a number"
            : type.IsPrimitive ? "a whole number"
            : "a list of numbers";
        string range = property.GetCustomAttribute<RangeAttribute>() is { } attribute ? $" {RangeOf(attribute)}" : "";
        return kind + range + (IsNullable(property) ? ", or null" : "");
    }

    /// <summary>A range in words, to follow "a number" or "it must be".</summary>
    internal static string RangeOf(RangeAttribute range)
    {
        string low = string.Create(CultureInfo.InvariantCulture, $"{range.Minimum}");
        string high = string.Create(CultureInfo.InvariantCulture, $"{range.Maximum}");
        bool isOpen = range.Maximum is int.MaxValue or double.MaxValue;
        return (range.MinimumIsExclusive, isOpen, range.MaximumIsExclusive) switch
        {
            (false, true, _) => $"of at least {low}",
            (true, true, _) => $"above {low}",
            (false, _, false) => $"from {low} to {high}",
            (false, _, true) => $"of at least {low} and below {high}",
            (true, _, false) => $"above {low} and at most {high}",
            _ => $"above {low} and below {high}",
        };
    }

    /// <summary>Whether a property may have a value.</summary>
    internal static bool Allows(PropertyInfo property, JsonNode? value)
    {
        if (value is null)
        {
            return IsNullable(property);
        }

        try
        {
            object? typed = value.Deserialize(property.PropertyType, SettingsJson.Options);
            bool isTooLarge = typed is double number && double.IsInfinity(number); // how such numbers read
            return !isTooLarge
                && property.GetCustomAttributes<ValidationAttribute>().All(attribute => attribute.IsValid(typed));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            return false;
        }
    }

    /// <summary>A remark on a number that no setting can hold; else empty.</summary>
    internal static string Beyond(JsonNode? value) =>
        value?.GetValueKind() == JsonValueKind.Number && !double.IsFinite(value.Deserialize<double>())
            ? " (numbers end at 1.8e308)"
            : "";

    /// <summary>Whether the properties of a type are keys of their own.</summary>
    internal static bool IsSection(Type type) => type.IsDefined(typeof(SettingsSectionAttribute), inherit: false);

    private static IEnumerable<SettingKey> Of(Type type, string prefix, string? givenBy)
    {
        foreach (PropertyInfo property in type.GetProperties().Where(property => property.CanWrite))
        {
            string name = prefix + SettingsJson.KeyOf(property.Name);
            string? option = property.GetCustomAttribute<GivenByAttribute>()?.Option ?? givenBy;
            if (!IsSection(property.PropertyType))
            {
                yield return new SettingKey(name, property, option);
                continue;
            }

            foreach (SettingKey key in Of(property.PropertyType, name + ".", option))
            {
                yield return key;
            }
        }
    }

    // The usual mistakes: the group is left out, only the group is named, or a letter is wrong.
    private static string Meant(IReadOnlyList<SettingKey> keys, string name)
    {
        string[] names = [.. keys.Where(key => key.GivenBy is null).Select(key => key.Name)];
        string[] candidates =
        [
            .. names.Where(key => key.EndsWith("." + name, StringComparison.OrdinalIgnoreCase)),
            .. names.Where(key => key.StartsWith(name + ".", StringComparison.Ordinal)).Take(1),
        ];
        string? meant = candidates.FirstOrDefault() ?? Spelling.Nearest(name, names)
            ?? (Spelling.Nearest(name, names.Select(Last)) is { } last ? names.First(key => Last(key) == last) : null);
        return meant is null ? "" : $" (did you mean '{meant}'?)";
    }

    private static string Last(string key) => key[(key.LastIndexOf('.') + 1)..];

    private static JsonValue ParseOrQuote(string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonValue ?? JsonValue.Create(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text); // which the check refuses by name
        }
    }

    private static IReadOnlyList<Enum> ChoicesOf(PropertyInfo property)
    {
        Type type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return !type.IsEnum ? []
            : property.GetCustomAttribute<AllowedValuesAttribute>() is { } allowed ? [.. allowed.Values.Cast<Enum>()]
            : [.. Enum.GetValues(type).Cast<Enum>()];
    }

    private static bool IsNullable(PropertyInfo property) =>
        new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable;
}

/// <summary>Marks a record whose properties are keys of their own in a settings file: a group, not a value.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class SettingsSectionAttribute : Attribute;

/// <summary>Marks a setting, or a group, that an option of its own sets together with what depends on it.</summary>
/// <param name="option">The option, for example <c>--data</c>.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class GivenByAttribute(string option) : Attribute
{
    /// <summary>The option.</summary>
    public string Option { get; } = option;
}
