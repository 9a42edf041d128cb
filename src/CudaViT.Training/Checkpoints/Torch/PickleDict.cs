using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>A Python dictionary whose keys are texts and whole numbers, in the order of insertion.</summary>
internal sealed class PickleDict : IEnumerable<KeyValuePair<object, object?>>
{
    private OrderedDictionary<object, object?>? _items; // made when needed: a hostile file holds many empty ones

    public int Count => _items?.Count ?? 0;

    /// <summary>Adds an item, or replaces the value of a key as Python does.</summary>
    public void Set(object key, object? value)
    {
        _items ??= new OrderedDictionary<object, object?>(KeyComparer.Instance);
        _items[key] = value;
    }

    /// <summary>The value of a text key, if it is there and of this type.</summary>
    public bool TryGet<T>(string key, [NotNullWhen(true)] out T? value)
    {
        object? found = null;
        _items?.TryGetValue(key, out found);
        value = found is T typed ? typed : default;
        return found is T;
    }

    public IEnumerator<KeyValuePair<object, object?>> GetEnumerator() =>
        (_items ?? Enumerable.Empty<KeyValuePair<object, object?>>()).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Hashes numbers with the process's random seed: chosen keys must not share a bucket.</summary>
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static KeyComparer Instance { get; } = new();

        public new bool Equals(object? x, object? y) => object.Equals(x, y);

        public int GetHashCode(object key) => key is long number ? HashCode.Combine(number) : key.GetHashCode();
    }
}

/// <summary>A Python tuple.</summary>
internal sealed record PickleTuple(IReadOnlyList<object?> Items);
