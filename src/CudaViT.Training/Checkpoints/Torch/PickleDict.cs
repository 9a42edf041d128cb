using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace CudaViT.Training.Checkpoints.Torch;

/// <summary>
/// A Python dictionary: what it has under texts and whole numbers, in the order of insertion. Keys of other kinds are
/// kept as words only: comparing them could be made to take any time.
/// </summary>
internal sealed class PickleDict : IEnumerable<KeyValuePair<object, object?>>
{
    private OrderedDictionary<object, object?>? _items; // made when needed: a hostile file holds many empty ones

    private List<string>? _otherKeys;

    public int Count => (_items?.Count ?? 0) + OtherKeys.Count;

    /// <summary>Keys that are neither texts nor whole numbers, for people.</summary>
    public IReadOnlyList<string> OtherKeys => _otherKeys ?? [];

    /// <summary>Adds an item, or replaces the value of a key as Python does.</summary>
    public void Set(object? key, object? value)
    {
        if (key is not (string or long))
        {
            (_otherKeys ??= []).Add(Describe(key));
            return;
        }

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

    private static string Describe(object? key) => key switch
    {
        null => "None",
        bool or double => Convert.ToString(key, CultureInfo.InvariantCulture)!,
        PickleOpaque opaque => opaque.Kind,
        PickleTuple => "a tuple",
        _ => "a key of another kind",
    };

    /// <summary>Hashes numbers with the process's random seed: chosen keys must not share a bucket.</summary>
    private sealed class KeyComparer : IEqualityComparer<object>
    {
        public static KeyComparer Instance { get; } = new();

        public new bool Equals(object? x, object? y) => object.Equals(x, y);

        public int GetHashCode(object key) => key is long number ? HashCode.Combine(number) : key.GetHashCode();
    }
}

/// <summary>
/// A value that is stepped over: an object of some class, bytes, a set, a number of another library. Nothing of it is
/// kept but what it is.
/// </summary>
/// <param name="Kind">For people: the class or function that makes it, as Python spells it.</param>
internal sealed record PickleOpaque(string Kind);

/// <summary>A Python tuple.</summary>
internal sealed record PickleTuple(IReadOnlyList<object?> Items);
