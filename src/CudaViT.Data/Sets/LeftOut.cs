using System.Globalization;

namespace CudaViT.Data.Sets;

/// <summary>Counts what lies among the images of a data set and does not belong to it, and says so in one
/// sentence.</summary>
internal sealed class LeftOut
{
    private readonly List<(string One, string Many, int Count, string First)> _kinds = [];

    /// <summary>Whether nothing was left out.</summary>
    public bool IsEmpty => _kinds.Count == 0;

    /// <summary>Counts one more of a kind.</summary>
    /// <param name="one">The kind, as it follows a number: <c>.heic</c>, <c>link to nothing</c>.</param>
    /// <param name="name">Which; the first of a kind is named.</param>
    /// <param name="count">How many.</param>
    /// <param name="many">The kind as it follows a number above 1; null for the same.</param>
    public void Add(string one, string name, int count = 1, string? many = null)
    {
        int place = _kinds.FindIndex(kind => kind.One == one);
        if (place < 0)
        {
            _kinds.Add((one, many ?? one, count, name));
        }
        else
        {
            _kinds[place] = _kinds[place] with { Count = _kinds[place].Count + count };
        }
    }

    /// <summary>Adds what another one counted.</summary>
    public void Add(LeftOut other) => other._kinds.ForEach(
        kind => Add(kind.One, kind.First, kind.Count, kind.Many));

    /// <summary>For example <c>7 .heic (a/IMG_1.heic, ...), 1 beside the class folders (cover.png)</c>.</summary>
    public override string ToString() => string.Join(", ", _kinds.Select(kind => string.Create(
        CultureInfo.InvariantCulture,
        $"{kind.Count:n0} {(kind.Count == 1 ? $"{kind.One} ({kind.First})" : $"{kind.Many} ({kind.First}, ...)")}")));
}
