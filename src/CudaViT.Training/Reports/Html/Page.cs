namespace CudaViT.Training.Reports.Html;

/// <summary>The frame of a report: one file that refers to nothing outside of itself.</summary>
internal static class Page
{
    // Whatever a name in the data might contain, a browser loads nothing for it.
    private const string Policy =
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; "
        + "form-action 'none'";

    /// <summary>Makes a page.</summary>
    /// <param name="title">What the browser's tab shows.</param>
    /// <param name="body">Writes the content.</param>
    public static string Make(string title, Action<HtmlWriter> body)
    {
        var html = new HtmlWriter();
        html.Add($"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>");
        html.Add($"<meta http-equiv=\"Content-Security-Policy\" content=\"{Policy}\"/>");
        html.Add($"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>");
        html.Add($"<link rel=\"icon\" href=\"data:,\"/><title>{title}</title>\n<style>\n");
        html.AddMarkup(Resource("report.css"));
        html.Add($"</style></head>\n<body><main>");
        body(html);
        html.Add($"<footer>Drawn by cudavit. This page refers to nothing outside of itself.");
        html.Add($"</footer></main>\n<script>\n");
        html.AddMarkup(Resource("report.js"));
        html.Add($"</script>\n</body></html>\n");
        return html.ToString();
    }

    private static string Resource(string name)
    {
        using Stream stream = typeof(Page).Assembly.GetManifestResourceStream($"Reports/{name}")
            ?? throw new InvalidOperationException($"The assembly lacks its resource {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
