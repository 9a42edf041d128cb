using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace CudaViT.Training.Tests.Support;

/// <summary>Writes checkpoints as PyTorch does: opcodes one by one, or a whole file of named tensors.</summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [];

    public PickleWriter() => Op("\u0080\u0002");

    /// <summary>The pickle so far, with its STOP.</summary>
    public byte[] Finish()
    {
        Op(".");
        return [.. _bytes];
    }

    /// <summary>Raw bytes, given as characters.</summary>
    public PickleWriter Op(string bytes)
    {
        return Raw(Encoding.Latin1.GetBytes(bytes));
    }

    public PickleWriter Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        return Op("X").U32((uint)utf8.Length).Raw(utf8);
    }

    public PickleWriter Int(long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return Op("\u008a\u0008").Raw(bytes);
    }

    public PickleWriter U32(uint value)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return Raw(bytes);
    }

    public PickleWriter Global(string module, string name) => Op($"c{module}\n{name}\n");

    public PickleWriter Storage(string type, string key, long count) =>
        Op("(").Text("storage").Global("torch", type).Text(key).Text("cpu").Int(count).Op("tQ");

    /// <summary>A whole view of a float storage of its own.</summary>
    public PickleWriter Tensor(string key, IReadOnlyList<long> shape, string type = "FloatStorage") => View(
        key,
        shape.Aggregate(1L, (product, size) => product * size),
        offset: 0,
        shape,
        [.. Enumerable.Range(1, shape.Count).Select(axis =>
            shape.Skip(axis).Aggregate(1L, (product, size) => product * size))],
        type);

    /// <summary>Any view of a storage of <paramref name="count"/> elements.</summary>
    public PickleWriter View(
        string key,
        long count,
        long offset,
        IReadOnlyList<long> shape,
        IReadOnlyList<long> stride,
        string type = "FloatStorage")
    {
        Global("torch._utils", "_rebuild_tensor_v2").Op("(").Storage(type, key, count).Int(offset);
        foreach (IReadOnlyList<long> numbers in (IReadOnlyList<long>[])[shape, stride])
        {
            Op("(");
            foreach (long number in numbers)
            {
                Int(number);
            }

            Op("t");
        }

        return Op("\u0089").Global("collections", "OrderedDict").Op(")RtR");
    }

    /// <summary>The zip container around a pickle and its storages.</summary>
    public static byte[] Zip(byte[] pickle, IReadOnlyDictionary<string, byte[]> storages)
    {
        var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            Add("archive/data.pkl", pickle);
            foreach ((string key, byte[] data) in storages)
            {
                Add($"archive/data/{key}", data);
            }

            void Add(string name, byte[] content)
            {
                using Stream entry = zip.CreateEntry(name, CompressionLevel.NoCompression).Open();
                entry.Write(content);
            }
        }

        return stream.ToArray();
    }

    /// <summary>A whole checkpoint: named float tensors under a key.</summary>
    /// <param name="key">Null for the tensors alone, at the top.</param>
    /// <param name="tensors">Of float32, or of int64 where there are eight bytes for each element.</param>
    /// <param name="beside">Writes more items of the dictionary of tensors: keys and values.</param>
    /// <param name="storages">What they refer to.</param>
    public static byte[] Checkpoint(
        string? key,
        IEnumerable<(string Name, IReadOnlyList<long> Shape, byte[] Data)> tensors,
        Action<PickleWriter>? beside = null,
        Dictionary<string, byte[]>? storages = null)
    {
        var pickle = new PickleWriter();
        storages ??= [];
        pickle.Op(key is null ? "" : "}").Op(key is null ? "" : "(");
        if (key is not null)
        {
            pickle.Text("epoch").Int(7).Text(key);
        }

        pickle.Global("collections", "OrderedDict").Op(")R(");
        foreach ((string name, IReadOnlyList<long> shape, byte[] data) in tensors)
        {
            string storage = storages.Count.ToString(CultureInfo.InvariantCulture);
            long count = shape.Aggregate(1L, (product, size) => product * size);
            string type = data.Length == count * 8 ? "LongStorage" : "FloatStorage";
            storages.Add(storage, data);
            pickle.Text(name).Tensor(storage, shape, type);
        }

        beside?.Invoke(pickle);
        pickle.Op("u").Op(key is null ? "" : "u");
        return Zip(pickle.Finish(), storages);
    }

    private PickleWriter Raw(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }
}
