using System.Text;

namespace CudaViT.Cli.Catalogue;

/// <summary>Settings as text for a terminal, and as a page of documentation.</summary>
internal static class SettingsPages
{
    /// <summary>The command that writes the page anew, from the root of the repository.</summary>
    public const string PageCommand =
        "dotnet run -c Release --project src/CudaViT.Cli -- settings --markdown > src/docs/settings.md";

    /// <summary>Key and default in a line, and beneath it what is expected and what it means.</summary>
    /// <param name="entries">The settings.</param>
    /// <param name="width">Columns that a line may have.</param>
    public static IEnumerable<string> Text(IReadOnlyList<SettingEntry> entries, int width)
    {
        foreach (SettingEntry entry in entries)
        {
            string note = entry.GivenBy is { } option ? $"   (set by {option})" : "";
            yield return $"{entry.Key} = {entry.DefaultText}{note}";
            IEnumerable<string> expected = entry.Choices is [] ? [entry.Expected] : Choices(entry);
            IEnumerable<string> paragraphs = [entry.Meaning, .. expected];
            foreach (string line in paragraphs.SelectMany(paragraph => Wrap(paragraph, width - 4)))
            {
                yield return $"    {line}";
            }
        }
    }

    /// <summary>The page: a table for each group of keys.</summary>
    /// <param name="entries">The settings of all commands, one command after another.</param>
    public static string Markdown(IReadOnlyList<SettingEntry> entries)
    {
        var page = new StringBuilder("""
            # Settings

            Every setting of a run, under the key that it has in the run's `settings.json`. Change one with `--set
            KEY=VALUE`, as often as needed, or name some in a JSON file for `--settings`. Defaults are those of the
            preset `quick` and of the recipe `imagenet`: `cudavit settings --preset NAME` and `--recipe NAME` show the
            values of others, `cudavit settings WORD` only the keys with that word in them.

            This page is made from the comments in `src/CudaViT.Training/Settings`, by

            ```
            """);
        page.Append('\n').Append(PageCommand).Append("\n```\n");
        foreach (IGrouping<string, SettingEntry> command in entries.GroupBy(entry => entry.Command))
        {
            page.Append($"\n## cudavit {command.Key}\n");
            foreach (IGrouping<string, SettingEntry> group in command.GroupBy(entry => Group(entry.Key)))
            {
                page.Append(group.Key == "" ? "\n" : $"\n### {group.Key}\n\n");
                page.Append("| key | default | expected | meaning |\n| --- | --- | --- | --- |\n");
                foreach (SettingEntry entry in group)
                {
                    string value = $"`{entry.Key}` | `{entry.DefaultText}`";
                    page.Append($"| {value} | {Cell(Expected(entry))} | {Cell(Meaning(entry))} |\n");
                }
            }
        }

        return page.ToString();
    }

    /// <summary>A text in lines of at most so many columns; a word that is longer has its own line.</summary>
    internal static IEnumerable<string> Wrap(string text, int width)
    {
        var line = new StringBuilder();
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                yield return line.ToString();
                line.Clear();
            }

            line.Append(line.Length > 0 ? " " : "").Append(word);
        }

        if (line.Length > 0)
        {
            yield return line.ToString();
        }
    }

    private static IEnumerable<string> Choices(SettingEntry entry) =>
        entry.Choices.Select(choice => $"{choice.Word}: {choice.Meaning}");

    private static string Expected(SettingEntry entry) =>
        entry.GivenBy is { } option ? $"{entry.Expected}; set by `{option}`" : entry.Expected;

    private static string Meaning(SettingEntry entry) => entry.Choices is []
        ? entry.Meaning
        : $"{entry.Meaning} {string.Join(' ', entry.Choices.Select(choice => $"`{choice.Word}`: {choice.Meaning}"))}";

    private static string Group(string key) => key[..Math.Max(0, key.IndexOf('.', StringComparison.Ordinal))];

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
