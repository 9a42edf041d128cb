using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Training.Checkpoints;

namespace CudaViT.TestKit;

/// <summary>The tensors of a recorded safetensors file, widened to double.</summary>
public sealed class Recording
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    /// <summary>Reads a whole file.</summary>
    public Recording(string path)
    {
        using var file = SafetensorsFile.Open(path);
        foreach (SafetensorsTensor tensor in file.Tensors)
        {
            byte[] bytes = file.ReadBytes(tensor.Name);
            var shape = Core.Shape.Create([.. tensor.Shape.Select(size => checked((int)size))]);
            _entries.Add(tensor.Name, new Entry(Widen(bytes, tensor.DType), shape, tensor.DType));
        }
    }

    /// <summary>Names of all tensors, in the order of the file.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>Elements of a tensor.</summary>
    public double[] this[string name] => Find(name).Values;

    /// <summary>Whether there is such a tensor.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>Dimensions of a tensor.</summary>
    public Shape Shape(string name) => Find(name).Shape;

    /// <summary>Element type of a tensor in the file.</summary>
    public SafetensorsDType DType(string name) => Find(name).DType;

    /// <summary>Whether the values were rounded to float32 for storage.</summary>
    public bool IsRounded(string name) => DType(name) == SafetensorsDType.F32;

    /// <summary>The names with a prefix, with and without it.</summary>
    public IEnumerable<(string Name, string Tail)> Under(string prefix) => Names
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .Select(name => (name, name[prefix.Length..]));

    /// <summary>A tensor as an array of any type.</summary>
    public NdArray Array(IBackend backend, string name, DType dtype) =>
        NdArray.FromDoubles(backend, this[name], Shape(name), dtype);

    /// <summary>The tensors under a prefix as arrays, for loading into a model; counters stay I64.</summary>
    public Dictionary<string, NdArray> Arrays(IBackend backend, string prefix, DType dtype) =>
        Under(prefix).ToDictionary(
            pair => pair.Tail,
            pair => Array(backend, pair.Name, DType(pair.Name) == SafetensorsDType.I64 ? Core.DType.I64 : dtype));

    private static double[] Widen(byte[] bytes, SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.F64 => Widen<double>(bytes, value => value),
        SafetensorsDType.F32 => Widen<float>(bytes, value => value),
        SafetensorsDType.F16 => Widen<Half>(bytes, value => (double)value),
        SafetensorsDType.BF16 => Widen<BFloat16>(bytes, value => value),
        SafetensorsDType.I64 => Widen<long>(bytes, value => value),
        SafetensorsDType.I32 => Widen<int>(bytes, value => value),
        _ => Widen<byte>(bytes, value => value),
    };

    private static double[] Widen<T>(byte[] bytes, Converter<T, double> convert)
        where T : unmanaged =>
        System.Array.ConvertAll(MemoryMarshal.Cast<byte, T>(bytes).ToArray(), convert);

    private Entry Find(string name) => _entries.TryGetValue(name, out Entry? entry)
        ? entry
        : throw new KeyNotFoundException($"The recording has no tensor '{name}' among its {_entries.Count}.");

    private sealed record Entry(double[] Values, Shape Shape, SafetensorsDType DType);
}
