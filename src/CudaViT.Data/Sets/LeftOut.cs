using System.Globalization;

namespace CudaViT.Data.Sets;

/// <summary>Counts what lies among the images of a data set and does not belong to it, and says so in one
/// sentence.</summary>
internal sealed class LeftOut
{
    private readonly List<(string What, int Count, string First)> _kinds = [];

    /// <summary>Whether nothing was left out.</summary>
    public bool IsEmpty => _kinds.Count == 0;

    /// <summary>Counts one more of a kind.</summary>
    /// <param name="what">The kind, as it follows a number: <c>.heic</c>, <c>beside the class folders</c>.</param>
    /// <param name="name">Which; the first of a kind is named.</param>
    /// <param name="count">How many.</param>
    public void Add(string what, string name, int count = 1)
    {
        int place = _kinds.FindIndex(kind => kind.What == what);
        if (place < 0)
        {
            _kinds.Add((what, count, name));
        }
        else
        {
            _kinds[place] = _kinds[place] with { Count = _kinds[place].Count + count };
        }
    }

    /// <summary>Adds what another one counted.</summary>
    public void Add(LeftOut other) => other._kinds.ForEach(kind => Add(kind.What, kind.First, kind.Count));

    /// <summary>For example <c>7 .heic (a/IMG_1.heic, ...), 1 beside the class folders (cover.png)</c>.</summary>
    public override string ToString() => string.Join(", ", _kinds.Select(kind => string.Create(
        CultureInfo.InvariantCulture, $"{kind.Count:n0} {kind.What} ({kind.First}{(kind.Count > 1 ? ", ..." : "")})")));
}
