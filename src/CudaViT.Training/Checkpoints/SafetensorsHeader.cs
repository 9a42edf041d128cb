using System.Text.Json;

namespace CudaViT.Training.Checkpoints;

/// <summary>The JSON header of a safetensors file, checked against the length of the data that follows it.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>Longest header that the format's reference implementation accepts, in bytes.</summary>
    public const int MaxLength = 100_000_000;

    private const string MetadataName = "__metadata__";
    private readonly string _path;
    private readonly Dictionary<string, (SafetensorsTensor Tensor, long Begin)> _byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _metadata = new(StringComparer.Ordinal);

    private SafetensorsHeader(string path) => _path = path;

    public IReadOnlyList<SafetensorsTensor> Tensors { get; private set; } = [];

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
        SafetensorsDType? dtype = null;
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
                case "dtype": dtype = ParseDType(ref reader, name); break;
                case "shape": shape = ParseNumbers(ref reader, name, field); break;
                default: offsets = ParseNumbers(ref reader, name, field); break;
            }
        }

        if (dtype is null || shape is null || offsets is not [long begin, long end])
        {
            throw Malformed($"tensor '{name}' lacks one of dtype, shape and data_offsets [begin, end]");
        }

        if (!SafetensorsTensor.TrySize(dtype.Value, shape, out long size) || end < begin || end - begin != size)
        {
            throw Malformed(
                $"tensor '{name}', {dtype} [{string.Join(", ", shape)}], " +
                $"does not fill its data_offsets [{begin}, {end})");
        }

        if (!_byName.TryAdd(name, (new SafetensorsTensor(name, dtype.Value, shape), begin)))
        {
            throw Malformed($"tensor '{name}' appears twice");
        }
    }

    private SafetensorsDType ParseDType(ref Utf8JsonReader reader, string name)
    {
        Expect(ref reader, JsonTokenType.String, $"dtype of tensor '{name}'");
        string text = reader.GetString()!;
        foreach (SafetensorsDType dtype in Enum.GetValues<SafetensorsDType>())
        {
            if (text == SafetensorsTensor.Spell(dtype))
            {
                return dtype;
            }
        }

        IEnumerable<string> known = Enum.GetValues<SafetensorsDType>().Select(SafetensorsTensor.Spell);
        throw Malformed($"tensor '{name}' has the dtype '{text}', not one of {string.Join(", ", known)}");
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
        (SafetensorsTensor Tensor, long Begin)[] entries =
            [.. _byName.Values.OrderBy(entry => entry.Begin).ThenBy(entry => entry.Tensor.SizeInBytes)];
        long position = 0;
        foreach ((SafetensorsTensor tensor, long begin) in entries)
        {
            if (begin != position)
            {
                throw Malformed(
                    $"tensor '{tensor.Name}' begins at byte {begin} of the data, " +
                    $"but the one before ends at {position}");
            }

            if (tensor.SizeInBytes > dataLength - position)
            {
                throw Malformed(
                    $"tensor '{tensor.Name}' ends at byte {position + tensor.SizeInBytes} of the data, " +
                    $"but the file has only {dataLength}");
            }

            position += tensor.SizeInBytes;
        }

        if (position != dataLength)
        {
            throw Malformed($"{dataLength - position} bytes follow the last tensor, none were expected");
        }

        Tensors = [.. entries.Select(entry => entry.Tensor)];
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
