using System.CommandLine;
using CudaViT.Cli.Catalogue;
using CudaViT.Cli.Output;
using CudaViT.Core;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Cli.Commands;

/// <summary><c>cudavit settings</c></summary>
internal static class SettingsCommand
{
    public const string Name = "settings";

    private const int WidthInFiles = 100;

    public static (string Command, string Meaning)[] Examples { get; } =
    [
        ("cudavit settings", "every setting of train and finetune: key, default, meaning, what is expected"),
        ("cudavit settings recipe", "only those with this word in their key"),
        ("cudavit settings blur --preset small-64", "with the values of a preset"),
        ("cudavit train --set recipe.temperature=0.1 --set views.hue=0.05", "then set what you found"),
    ];

    public static Command Create(TextWriter output)
    {
        var word = new Argument<string?>("WORD")
        {
            Description = "Part of a key, such as recipe or views.blur; else a word of the meaning (default: all).",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string?> preset = Options.Preset("--preset", "Whose values to show for train (default quick)");
        Option<string?> recipe = Options.OneOf(
            "--recipe",
            $"Whose values to show for finetune: {string.Join(", ", FineTunePresets.All.Select(item => item.Name))} "
                + $"(default {FineTunePresets.All[0].Name}).",
            [.. FineTunePresets.All.Select(item => item.Name)]);
        Option<bool> markdown = new("--markdown")
        {
            Description = "Print the page that stands in src/docs/settings.md.",
        };
        Option<bool> json = Options.Json("Print a JSON list of objects instead of text.");
        var command = new Command(
            Name, "Lists the settings that --set and settings files take: key, default, meaning and what is expected.")
        {
            word, preset, recipe, markdown, json,
        };
        command.SetAction(parsed =>
        {
            IReadOnlyList<SettingEntry> train = SettingsCatalogue.OfTraining(parsed.GetValue(preset));
            IReadOnlyList<SettingEntry> finetune = SettingsCatalogue.OfFineTuning(parsed.GetValue(recipe));
            if (parsed.GetValue(word) is { } part)
            {
                SettingEntry[] all = [.. train, .. finetune];
                (train, finetune) = (SettingsCatalogue.Filter(train, part), SettingsCatalogue.Filter(finetune, part));
                if (train is [] && finetune is [])
                {
                    throw new UsageException($"no setting has '{part}' in its key or meaning"
                        + $"{Spelling.Suggestion(part, all.SelectMany(entry => entry.Key.Split('.')))}; "
                        + "see all with cudavit settings");
                }
            }

            if (parsed.GetValue(json))
            {
                JsonOutput.Write(output, (SettingEntry[])[.. train, .. finetune]);
            }
            else if (parsed.GetValue(markdown))
            {
                output.Write(SettingsPages.Markdown([.. train, .. finetune]));
            }
            else
            {
                string usual = FineTunePresets.All[0].Name;
                Print(output, $"cudavit train, preset {parsed.GetValue(preset) ?? Presets.Quick.Name}", train);
                Print(output, $"cudavit finetune, recipe {parsed.GetValue(recipe) ?? usual}", finetune);
            }

            return CommandLine.Success;
        });
        return command;
    }

    private static void Print(TextWriter output, string title, IReadOnlyList<SettingEntry> entries)
    {
        if (entries is [])
        {
            return;
        }

        int width = output != Console.Out || Console.IsOutputRedirected ? WidthInFiles : Console.WindowWidth;
        output.WriteLine($"# {title}");
        foreach (string line in SettingsPages.Text(entries, width))
        {
            output.WriteLine(line);
        }

        output.WriteLine();
    }
}
