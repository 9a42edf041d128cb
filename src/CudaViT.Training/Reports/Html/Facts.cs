using CudaViT.Data.Sets;

namespace CudaViT.Training.Reports.Html;

/// <summary>Short pieces that pages of all kinds share.</summary>
internal static class Facts
{
    /// <summary>A row of figures, each with what it is and one more line.</summary>
    public static void WriteTiles(HtmlWriter html, IEnumerable<(string Name, string Value, string More)> tiles)
    {
        html.Add($"<ul class=\"tiles\">");
        foreach ((string name, string value, string more) in tiles)
        {
            html.Add($"<li><span>{name}</span><b>{value}</b><span>{more}</span></li>");
        }

        html.Add($"</ul>");
    }

    /// <summary>A card with a table of names and values.</summary>
    public static void WriteTable(HtmlWriter html, string title, IEnumerable<(string Name, string Value)> rows)
    {
        html.Add($"<section class=\"card\"><h3>{title}</h3><table class=\"values\">");
        foreach ((string name, string value) in rows)
        {
            html.Add($"<tr><th>{name}</th><td>{value}</td></tr>");
        }

        html.Add($"</table></section>");
    }

    /// <summary>Images that could not be decoded.</summary>
    public static void WriteDamaged(HtmlWriter html, IReadOnlyList<DamagedImage> damaged)
    {
        html.Add($"<section class=\"card wide\"><h3>Damaged images</h3>");
        if (damaged.Count == 0)
        {
            html.Add($"<p class=\"none\">None was met.</p></section>");
            return;
        }

        html.Add($"<p class=\"caption\">{damaged.Count} could not be decoded and were left out or replaced by ");
        html.Add($"others.</p>");
        html.Add($"<div class=\"scroll\"><table><tr><th>file</th><th>why</th></tr>");
        foreach (DamagedImage image in damaged)
        {
            html.Add($"<tr><td>{image.Name}</td><td>{image.Reason}</td></tr>");
        }

        html.Add($"</table></div></section>");
    }

    /// <summary>A duration for people: 2 h 05 min, 3 min 20 s, 4.2 s.</summary>
    public static string Time(TimeSpan time) =>
        time.TotalHours >= 1 ? FormattableString.Invariant($"{(long)time.TotalHours} h {time.Minutes:00} min")
        : time.TotalMinutes >= 1 ? FormattableString.Invariant($"{time.Minutes} min {time.Seconds:00} s")
        : FormattableString.Invariant($"{time.TotalSeconds:0.0} s");
}
