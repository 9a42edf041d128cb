using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace CudaViT.Training.Checkpoints;

/// <summary>Reads and writes the JSON file of a checkpoint, in all forms that it has ever had.</summary>
/// <remarks>
/// <list type="table">
/// <item><term>1</term><description>The position, and length and checksum of the tensor file.</description></item>
/// <item><term>2</term><description>
/// Also <c>data</c> and <c>leftOut</c>, which may be missing; and <c>sha256</c>, the SHA-256 of the rest as compact
/// JSON, so that damage is told from what another version wrote. </description></item>
/// </list>
/// Whoever changes the record raises <see cref="Current"/>, adds a line here and a function to <see cref="Upgrades"/>,
/// and records a file of the form before in <c>tests/fixtures/checkpoint-formats</c>.
/// </remarks>
internal static class CheckpointFormat
{
    /// <summary>The form that is written.</summary>
    public const int Current = 2;

    private const int FirstWithDigest = 2;
    private const string FormatKey = "format";
    private const string DigestKey = "sha256";

    /// <summary>What turns form n + 1 into form n + 2, for each n from 0.</summary>
    private static readonly Action<JsonObject>[] Upgrades = [_ => { /* 1 to 2: the checksum is not kept */ }];

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    private static readonly HashSet<string> Keys = [.. typeof(CheckpointInfo).GetProperties()
        .Select(property => JsonNamingPolicy.CamelCase.ConvertName(property.Name))];

    /// <summary>The content of the file.</summary>
    public static byte[] Write(CheckpointInfo info)
    {
        JsonObject json = JsonSerializer.SerializeToNode(info with { Format = Current }, Json)!.AsObject();
        json[DigestKey] = Digest(json);
        return JsonSerializer.SerializeToUtf8Bytes(json, Json);
    }

    /// <summary>Reads the content of a file.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="content">Its content.</param>
    /// <exception cref="InvalidDataException">
    /// It is damaged, which the content proves; the message says how.
    /// </exception>
    /// <exception cref="CheckpointException">
    /// It is whole, as far as can be told, but of a form that is not known here.
    /// </exception>
    public static CheckpointInfo Read(string path, ReadOnlySpan<byte> content)
    {
        (JsonObject json, bool isChecked) = Parse(content);
        if (json[FormatKey] is not JsonValue value || !value.TryGetValue(out int format) || format < 1)
        {
            throw OtherVersion(path, "says no format");
        }

        if (format > Current)
        {
            throw OtherVersion(path, $"has format {format}, which a newer version wrote");
        }

        if (format >= FirstWithDigest && !isChecked)
        {
            throw new InvalidDataException("its checksum is missing");
        }

        foreach (Action<JsonObject> upgrade in Upgrades.AsSpan(format - 1))
        {
            upgrade(json);
        }

        json[FormatKey] = Current;
        if (json.Select(pair => pair.Key).FirstOrDefault(key => !Keys.Contains(key)) is { } unknown)
        {
            throw OtherVersion(path, $"has the unknown key '{unknown}'");
        }

        try
        {
            return json.Deserialize<CheckpointInfo>(Json)!;
        }
        catch (JsonException e)
        {
            throw OtherVersion(path, $"has other content than expected, {e.Message.TrimEnd('.')}", e);
        }
    }

    // The checksum is looked at wherever there is one: a newer form with damage is damaged.
    private static (JsonObject Json, bool IsChecked) Parse(ReadOnlySpan<byte> content)
    {
        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            JsonObject json = JsonNode.Parse(content, documentOptions: options) as JsonObject
                ?? throw new InvalidDataException("it holds no JSON object");
            if (json[DigestKey] is not { } stored)
            {
                return (json, false);
            }

            json.Remove(DigestKey);
            return Digest(json) == stored.ToString()
                ? (json, true)
                : throw new InvalidDataException($"its content does not have the SHA-256 {stored} that it names");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: the reader's word for text that is not UTF-8.
            throw new InvalidDataException(e.Message.TrimEnd('.'), e);
        }
    }

    private static string Digest(JsonObject json) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(json.ToJsonString())));

    private static CheckpointException OtherVersion(string path, string what, Exception? inner = null) => new(
        $"{path}: this checkpoint {what}; expected one of format 1 to {Current} as this version knows them; go on "
        + "with the version of cudavit that wrote it. Nothing was changed.",
        inner);
}
