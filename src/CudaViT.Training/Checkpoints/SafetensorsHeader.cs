using System.Text.Json;

namespace CudaViT.Training.Checkpoints;

/// <summary>The JSON header of a safetensors file, checked against the length of the data that follows it.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Longest header that the format's reference implementation accepts, in bytes.</summary>
    public const int MaxLength = 100_000_000;

    private const string MetadataName = "__metadata__";
    private readonly string _path;

    // Bits of one element of the types that the format has and that are not read.
    private static readonly Dictionary<string, int> OtherTypes = new()
    {
        ["I8"] = 8,
        ["I16"] = 16,
        ["U16"] = 16,
        ["U32"] = 32,
        ["U64"] = 64,
        ["F8_E4M3"] = 8,
        ["F8_E5M2"] = 8,
        ["F8_E8M0"] = 8,
        ["F6_E2M3"] = 6,
        ["F6_E3M2"] = 6,
        ["F4"] = 4,
        ["C64"] = 64,
    };

    private readonly Dictionary<string, (SafetensorsTensor Tensor, long Begin)> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (OtherTensor Tensor, long Begin, long End)> _others =
        new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string path) => _path = path;

    public IReadOnlyList<SafetensorsTensor> Tensors { get; private set; } = [];

    /// <summary>Tensors of types that are not read, in the order of their data.</summary>
    public IReadOnlyList<OtherTensor> Others { get; private set; } = [];

    public IReadOnlyDictionary<string, string> Metadata => _metadata;

    public static SafetensorsHeader Parse(string path, ReadOnlySpan<byte> json, long dataLength)
    {
        var header = new SafetensorsHeader(path);
        try
        {
            header.ParseEntries(json);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: the reader's word for text that is not UTF-8.
            throw new SafetensorsException(
                $"{path}: the header is not valid JSON ({e.Message}) Copy the file again.", e);
        }

        header.CheckLayout(dataLength);
        return header;
    }

    public (SafetensorsTensor Tensor, long Begin)? Find(string name) =>
        _byName.TryGetValue(name, out (SafetensorsTensor, long) entry) ? entry : null;

    private void ParseEntries(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
        Expect(ref reader, JsonTokenType.StartObject, "the header");
        bool hasMetadata = false;
        while (Next(ref reader) != JsonTokenType.EndObject)
        {
            string name = reader.GetString()!;
            if (name != MetadataName)
            {
                ParseTensor(ref reader, name);
            }
            else if (!hasMetadata)
            {
                hasMetadata = true;
                ParseMetadata(ref reader);
            }
            else
            {
                throw Malformed($"'{MetadataName}' appears twice");
            }
        }

        reader.Read(); // throws if anything but white space follows
    }

    private void ParseMetadata(ref Utf8JsonReader reader)
    {
        Expect(ref reader, JsonTokenType.StartObject, MetadataName);
        while (Next(ref reader) != JsonTokenType.EndObject)
        {
            string key = reader.GetString()!;
            Expect(ref reader, JsonTokenType.String, $"{MetadataName}.{key}");
            if (!_metadata.TryAdd(key, reader.GetString()!))
            {
                throw Malformed($"'{MetadataName}.{key}' appears twice");
            }
        }
    }

    private void ParseTensor(ref Utf8JsonReader reader, string name)
    {
        string? dtype = null;
        List<long>? shape = null;
        List<long>? offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, $"tensor '{name}'");
        while (Next(ref reader) != JsonTokenType.EndObject)
        {
            string field = reader.GetString()!;
            bool repeated = field switch
            {
                "dtype" => dtype is not null,
                "shape" => shape is not null,
                "data_offsets" => offsets is not null,
                _ => throw Malformed($"tensor '{name}' has the unknown field '{field}'"),
            };
            if (repeated)
            {
                throw Malformed($"the field '{field}' of tensor '{name}' appears twice");
            }

            switch (field)
            {
                case "dtype": dtype = ParseType(ref reader, name); break;
                case "shape": shape = ParseNumbers(ref reader, name, field); break;
                default: offsets = ParseNumbers(ref reader, name, field); break;
            }
        }

        if (dtype is null || shape is null || offsets is not [long begin, long end])
        {
            throw Malformed($"tensor '{name}' lacks one of dtype, shape and data_offsets [begin, end]");
        }

        SafetensorsDType? known = Known(dtype);
        bool fills = known is { } type
            ? SafetensorsTensor.TrySize(type, shape, out long size) && end - begin == size
            : FillsAsOther(dtype, shape, end - begin);
        if (end < begin || !fills)
        {
            throw Malformed(
                $"tensor '{name}', {dtype} [{string.Join(", ", shape)}], " +
                $"does not fill its data_offsets [{begin}, {end})");
        }

        bool isNew = known is { } read
            ? !_others.ContainsKey(name) && _byName.TryAdd(name, (new SafetensorsTensor(name, read, shape), begin))
            : !_byName.ContainsKey(name) && _others.TryAdd(name, (new OtherTensor(name, dtype, shape), begin, end));
        if (!isNew)
        {
            throw Malformed($"tensor '{name}' appears twice");
        }
    }

    // A type that the format does not have yet is stepped over: data_offsets alone say where the next tensor begins.
    private string ParseType(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.String, $"dtype of tensor '{name}'");
        string text = reader.GetString()!;
        return text.Length > 0 && char.IsAsciiLetterUpper(text[0])
            && text.All(c => char.IsAsciiLetterUpper(c) || char.IsAsciiDigit(c) || c == '_')
                ? text
                : throw Malformed($"tensor '{name}' has the dtype '{text}'; expected a name such as F32 or BF16");
    }

    private static SafetensorsDType? Known(string text)
    {
        foreach (SafetensorsDType dtype in Enum.GetValues<SafetensorsDType>())
        {
            if (text == SafetensorsTensor.Spell(dtype))
            {
                return dtype;
            }
        }

        return null;
    }

    private static bool FillsAsOther(string type, List<long> shape, long bytes)
    {
        if (!OtherTypes.TryGetValue(type, out int bits))
        {
            return true;
        }

        UInt128 size = (UInt128)(shape.Contains(0) ? 0 : bits);
        foreach (long dimension in shape)
        {
            if ((size *= (UInt128)dimension) > long.MaxValue)
            {
                return false;
            }
        }

        return bytes >= 0 && (size + 7) / 8 == (UInt128)bytes;
    }

    private List<long> ParseNumbers(ref Utf8JsonReader reader, string name, string field)
    {
        var numbers = new List<long>();
        Expect(ref reader, JsonTokenType.StartArray, $"{field} of tensor '{name}'");
        while (Next(ref reader) != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long number) || number < 0)
            {
                throw Malformed($"{field} of tensor '{name}' holds something other than integers from 0 to 2^63 - 1");
            }

            numbers.Add(number);
        }

        return numbers;
    }

    // The format has no gaps: laid end to end, the tensors are the data. That rules out overlaps and stray bytes, too.
    private void CheckLayout(long dataLength)
    {
        (string Name, long Begin, long End)[] entries =
        [
            .. _byName.Values.Select(entry =>
                    (entry.Tensor.Name, entry.Begin, End: entry.Begin + entry.Tensor.SizeInBytes))
                .Concat(_others.Values.Select(entry => (entry.Tensor.Name, entry.Begin, entry.End)))
                .OrderBy(entry => entry.Begin).ThenBy(entry => entry.End),
        ];
        long position = 0;
        foreach ((string name, long begin, long end) in entries)
        {
            if (begin != position)
            {
                throw Malformed(
                    $"tensor '{name}' begins at byte {begin} of the data, but the one before ends at {position}");
            }

            if (end > dataLength)
            {
                throw Malformed(
                    $"tensor '{name}' ends at byte {end} of the data, but the file has only {dataLength}");
            }

            position = end;
        }

        if (position != dataLength)
        {
            throw Malformed($"{dataLength - position} bytes follow the last tensor, none were expected");
        }

        Tensors = [.. _byName.Values.OrderBy(entry => entry.Begin).ThenBy(entry => entry.Tensor.SizeInBytes)
            .Select(entry => entry.Tensor)];
        Others = [.. _others.Values.OrderBy(entry => entry.Begin).Select(entry => entry.Tensor)];
    }

    private void Expect(ref Utf8JsonReader reader, JsonTokenType expected, string what)
    {
        if (Next(ref reader) != expected)
        {
            throw Malformed($"{what} should be {expected}, but is {reader.TokenType}");
        }
    }

    private static JsonTokenType Next(ref Utf8JsonReader reader)
    {
        reader.Read(); // throws at the end of the text: never called once the outermost object is closed
        return reader.TokenType;
    }

    private SafetensorsException Malformed(string what) =>
        new($"{_path}: {what}. The file is damaged or not a safetensors file; copy or export it again.");
}
