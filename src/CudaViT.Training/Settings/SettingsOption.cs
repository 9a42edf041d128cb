using System.Text.Json.Nodes;

namespace CudaViT.Training.Settings;

/// <summary>One setting given by itself.</summary>
/// <param name="Name">What the user wrote, for messages: <c>--batch</c>.</param>
/// <param name="Key">Key of the setting: <c>recipe.batch</c>.</param>
/// <param name="Value">The value as it would stand in a file.</param>
public sealed record SettingsOption(string Name, string Key, JsonNode? Value);
