using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;

namespace CudaViT.Training.Checkpoints;

/// <summary>
/// Writes a safetensors file to a stream: the header at once, from the descriptions, then the data tensor by tensor, so
/// that no more than one tensor has to be in memory.
/// </summary>
/// <remarks>
/// The order of the descriptions is the order of the data. The header is padded with spaces to a multiple of 8 bytes.
/// The same descriptions, metadata and data give the same bytes. The stream stays open.
/// </remarks>
public sealed class SafetensorsWriter
{
    private readonly Stream _stream;
    private readonly IReadOnlyList<SafetensorsTensor> _tensors;
    private int _current;
    private long _written; // of the current tensor

    /// <summary>Writes the header.</summary>
    /// <param name="stream">Needs no seeking; is neither flushed nor closed here.</param>
    /// <param name="tensors">What will follow, in this order.</param>
    /// <param name="metadata">Free-form strings, written in ordinal order of their keys.</param>
    /// <exception cref="ArgumentException">Two tensors have one name, or the header would be too long.</exception>
    public SafetensorsWriter(
        Stream stream,
        IReadOnlyList<SafetensorsTensor> tensors,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(tensors);

        (_stream, _tensors) = (stream, [.. tensors]);
        ReadOnlySpan<byte> header = Header(_tensors, metadata);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        stream.Write(prefix);
        stream.Write(header);
        SkipWhatIsComplete();
    }

    /// <summary>Writes the next bytes of a tensor: all of them, or one part after another.</summary>
    /// <param name="name">Must be the tensor whose turn it is.</param>
    /// <param name="data">Little-endian, row-major.</param>
    /// <exception cref="InvalidOperationException">
    /// Another tensor is due, or the data is longer than announced.
    /// </exception>
    public void Write(string name, ReadOnlySpan<byte> data)
    {
        if (data.IsEmpty)
        {
            return; // an empty tensor has had its turn already
        }

        if (_current == _tensors.Count || _tensors[_current].Name != name)
        {
            string due = _current < _tensors.Count ? $"'{_tensors[_current].Name}'" : "none";
            throw new InvalidOperationException(
                $"Tensor '{name}' was written, but {due} is due. " +
                "Write the tensors in the order of their descriptions.");
        }

        if (data.Length > _tensors[_current].SizeInBytes - _written)
        {
            throw new InvalidOperationException(
                $"Tensor '{name}' was announced with {_tensors[_current].SizeInBytes} bytes, " +
                $"but {_written + data.Length} were written. Describe it by the shape it has.");
        }

        _stream.Write(data);
        _written += data.Length;
        SkipWhatIsComplete();
    }

    /// <summary>Confirms that everything announced was written. Call it last, before flushing and renaming.</summary>
    /// <exception cref="InvalidOperationException">Something is missing.</exception>
    public void Complete()
    {
        if (_current < _tensors.Count)
        {
            SafetensorsTensor missing = _tensors[_current];
            throw new InvalidOperationException(
                $"Tensor '{missing.Name}' got {_written} of its {missing.SizeInBytes} bytes. " +
                "Write every tensor that was described.");
        }
    }

    private static ReadOnlySpan<byte> Header(
        IReadOnlyList<SafetensorsTensor> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            if (metadata is not null)
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    json.WriteString(key, value);
                }

                json.WriteEndObject();
            }

            WriteTensors(json, tensors);
            json.WriteEndObject();
        }

        while (buffer.WrittenCount % 8 != 0)
        {
            buffer.Write(" "u8);
        }

        if (buffer.WrittenCount > SafetensorsHeader.MaxLength)
        {
            throw new ArgumentException(
                $"The header would have {buffer.WrittenCount} bytes, the format allows {SafetensorsHeader.MaxLength}.",
                nameof(tensors));
        }

        return buffer.WrittenSpan;
    }

    private static void WriteTensors(Utf8JsonWriter json, IReadOnlyList<SafetensorsTensor> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal) { "__metadata__" };
        long position = 0;
        foreach (SafetensorsTensor tensor in tensors)
        {
            if (!names.Add(tensor.Name))
            {
                throw new ArgumentException(
                    $"The name '{tensor.Name}' is taken. Names are unique, " +
                    "and '__metadata__' is reserved.", nameof(tensors));
            }

            json.WriteStartObject(tensor.Name);
            json.WriteString("dtype", SafetensorsTensor.Spell(tensor.DType));
            WriteNumbers(json, "shape", tensor.Shape);
            WriteNumbers(json, "data_offsets", [position, position += tensor.SizeInBytes]);
            json.WriteEndObject();
        }
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IReadOnlyList<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (long number in numbers)
        {
            json.WriteNumberValue(number);
        }

        json.WriteEndArray();
    }

    private void SkipWhatIsComplete()
    {
        while (_current < _tensors.Count && _written == _tensors[_current].SizeInBytes)
        {
            _current++;
            _written = 0;
        }
    }
}
