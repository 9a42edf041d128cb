using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Tests;

/// <summary>The tensors of a recorded safetensors file, widened to double.</summary>
internal sealed class Recording
{
    private readonly Dictionary<string, Entry> _entries = new(StringComparer.Ordinal);

    public Recording(string path)
    {
        using var file = SafetensorsFile.Open(path);
        foreach (SafetensorsTensor tensor in file.Tensors)
        {
            byte[] bytes = file.ReadBytes(tensor.Name);
            var shape = Core.Shape.Create([.. tensor.Shape.Select(size => (int)size)]);
            _entries.Add(tensor.Name, new Entry(Widen(bytes, tensor.DType), shape, tensor.DType));
        }
    }

    public IEnumerable<string> Names => _entries.Keys;

    public double[] this[string name] => _entries[name].Values;

    public bool Contains(string name) => _entries.ContainsKey(name);

    public Core.Shape Shape(string name) => _entries[name].Shape;

    /// <summary>Whether the values were rounded to float32 for storage.</summary>
    public bool IsRounded(string name) => _entries[name].DType == SafetensorsDType.F32;

    /// <summary>The names with a prefix, with and without it.</summary>
    public IEnumerable<(string Name, string Tail)> Under(string prefix) => Names
        .Where(name => name.StartsWith(prefix, StringComparison.Ordinal))
        .Select(name => (name, name[prefix.Length..]));

    /// <summary>The tensors under a prefix as arrays, for loading into a model.</summary>
    public Dictionary<string, NdArray> Arrays(IBackend backend, string prefix, DType dtype) => Under(prefix).ToDictionary(
        pair => pair.Tail,
        pair => NdArray.FromDoubles(
            backend, this[pair.Name], Shape(pair.Name), _entries[pair.Name].DType == SafetensorsDType.I64 ? DType.I64 : dtype));

    private static double[] Widen(byte[] bytes, SafetensorsDType dtype) => dtype switch
    {
        SafetensorsDType.F64 => MemoryMarshal.Cast<byte, double>(bytes).ToArray(),
        SafetensorsDType.F32 => Array.ConvertAll(MemoryMarshal.Cast<byte, float>(bytes).ToArray(), value => (double)value),
        SafetensorsDType.I64 => Array.ConvertAll(MemoryMarshal.Cast<byte, long>(bytes).ToArray(), value => (double)value),
        SafetensorsDType.U8 => Array.ConvertAll(bytes, value => (double)value),
        _ => throw new NotSupportedException($"No recorded model uses {dtype}."),
    };

    private sealed record Entry(double[] Values, Core.Shape Shape, SafetensorsDType DType);
}
