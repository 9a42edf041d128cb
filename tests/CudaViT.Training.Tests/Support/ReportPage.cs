using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace CudaViT.Training.Tests.Support;

/// <summary>Reads a report as a browser would, strictly.</summary>
internal static partial class ReportPage
{
    /// <summary>
    /// Parses a page as XML, style and scripts left out, and fails unless it is well-formed, refers to nothing outside
    /// of itself and has valid data in its charts.
    /// </summary>
    public static XElement Parse(string path)
    {
        string html = File.ReadAllText(path);
        foreach (Match script in JsonScripts().Matches(html))
        {
            JsonDocument.Parse(script.Groups[1].Value).Dispose();
        }

        XElement page = XDocument.Parse(RawElements().Replace(html, "<$1/>").Replace("<!DOCTYPE html>", "")).Root!;
        foreach (XAttribute attribute in page.Descendants().Attributes())
        {
            string name = attribute.Name.LocalName;
            bool isReference = name is "src" or "href" or "action" or "srcset" or "poster" or "data" or "background";
            Assert.True(
                !isReference || attribute.Value.StartsWith("data:", StringComparison.Ordinal)
                || attribute.Value.StartsWith('#'),
                $"{name} refers to {attribute.Value}");
            Assert.False(name.StartsWith("on", StringComparison.Ordinal), $"{name} is a script");
        }

        Assert.DoesNotMatch("(?i)https?:|@import|url\\(|//[a-z]+\\.", html);
        string[] ids = [.. page.Descendants().Attributes("id").Select(id => id.Value)];
        Assert.Equal(ids.Distinct(), ids);
        Assert.All(
            page.Descendants().Attributes("href").Where(href => href.Value.StartsWith('#')),
            href => Assert.Contains(href.Value[1..], ids));
        return page;
    }

    /// <summary>Opens a page in headless Chromium and fails if its console says anything.</summary>
    public static void AssertSilentInBrowser(string path)
    {
        Skip.If(Browser is null, "chromium is not installed: apt-get install chromium");
        using var folder = new TemporaryFolder();
        using Process chromium = Process.Start(new ProcessStartInfo(
            Browser!,
            [
                "--headless", "--no-sandbox", "--disable-gpu", $"--user-data-dir={folder["profile"]}",
                "--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000", "--dump-dom", $"file://{path}",
            ])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        Task<string> page = chromium.StandardOutput.ReadToEndAsync();
        string said = chromium.StandardError.ReadToEnd();
        chromium.WaitForExit();
        Assert.Equal(0, chromium.ExitCode);
        Assert.DoesNotContain("CONSOLE", said);

        // The script ran: it gives every chart a place for values under the pointer.
        int charts = Regex.Count(page.Result, "<div class=\"plot\"");
        Assert.True(charts > 0);
        Assert.Equal(charts, Regex.Count(page.Result, "<div class=\"readout\""));
    }

    private static string? Browser => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .SelectMany(folder => (string[])[Path.Combine(folder, "chromium"), Path.Combine(folder, "chromium-browser")])
        .FirstOrDefault(File.Exists);

    [GeneratedRegex("<(style|script)[^>]*>.*?</\\1>", RegexOptions.Singleline)]
    private static partial Regex RawElements();

    [GeneratedRegex("<script type=\"application/json\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex JsonScripts();
}
