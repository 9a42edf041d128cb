using System.Text;

namespace CudaViT.Cli.Output;

/// <summary>A line of fields that drops the least important ones until it fits.</summary>
internal sealed class ProgressLine
{
    private readonly List<(int Rank, string Text)> _fields = [];

    /// <summary>Adds a field.</summary>
    /// <param name="rank">How little it matters: the highest is dropped first.</param>
    /// <param name="text">The field; in brackets it belongs to the one before. Nothing is added if it is empty.</param>
    /// <returns>This line.</returns>
    public ProgressLine Add(int rank, string text)
    {
        if (text.Length > 0)
        {
            _fields.Add((rank, text));
        }

        return this;
    }

    /// <summary>The fields in the order in which they were added, in at most so many columns.</summary>
    public string Fit(int width)
    {
        var kept = new List<(int Rank, string Text)>(_fields);
        string line = Join(kept);
        while (line.Length > width && kept.Count > 1)
        {
            int rank = kept.Max(field => field.Rank);
            kept.RemoveAt(kept.FindLastIndex(field => field.Rank == rank));
            line = Join(kept);
        }

        return line.Length > width ? line[..Math.Max(0, width)] : line;
    }

    private static string Join(IReadOnlyList<(int Rank, string Text)> fields)
    {
        var line = new StringBuilder();
        foreach ((_, string text) in fields)
        {
            line.Append(line.Length == 0 ? "" : text[0] == '(' ? " " : "  ").Append(text);
        }

        return line.ToString();
    }
}
