using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CudaViT.Cli.Catalogue;
using CudaViT.TestKit;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;
using CudaViT.Training.Tests.Support;
using static CudaViT.Training.Tests.Support.CommandRunner;

namespace CudaViT.Training.Tests.Cli;

public sealed class SettingsCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_key_has_a_meaning_and_so_has_every_word_that_it_may_be()
    {
        SettingEntry[] entries = [.. SettingsCatalogue.OfTraining(null), .. SettingsCatalogue.OfFineTuning(null)];
        Assert.All(entries, entry =>
        {
            Assert.True(entry.Meaning.Length > 10 && entry.Meaning[^1] == '.', $"{entry.Key}: {entry.Meaning}");
            Assert.DoesNotContain("  ", entry.Meaning);
            Assert.All(
                entry.Choices, choice => Assert.True(choice.Meaning.EndsWith('.'), $"{entry.Key}: {choice.Word}"));
        });
        Assert.Equal(
            SettingKey.Of(typeof(TrainSettings)).Select(key => key.Name),
            entries.Where(entry => entry.Command == "train").Select(entry => entry.Key));
        Assert.Contains(entries, entry => entry.Command == "finetune" && entry.Key == "recipe.mixup");
    }

    // The keys are those of a settings file, no more and no fewer, and the defaults those that it would have; but for
    // keys that came later and are written only where they are set.
    [Theory]
    [InlineData("quick")]
    [InlineData("vit-b-300")]
    public void The_list_agrees_with_a_settings_file(string preset)
    {
        var file = (JsonObject)JsonNode.Parse(SettingsJson.Write(TrainSettings.Of(preset)))!;
        var expected = new Dictionary<string, string>();
        Flatten("", file, expected);
        string[] unwritten = [.. SettingKey.Of(typeof(TrainSettings))
            .Where(key => key.Property.IsDefined(typeof(JsonIgnoreAttribute), inherit: false))
            .Select(key => key.Name)];
        Assert.Equal(
            expected,
            SettingsCatalogue.OfTraining(preset)
                .Where(entry => expected.ContainsKey(entry.Key) || !unwritten.Contains(entry.Key))
                .ToDictionary(entry => entry.Key, entry => entry.DefaultText));
    }

    [Fact]
    public void The_page_is_the_one_that_the_program_writes()
    {
        string page = Path.Combine(Fixtures.Shipped(), "..", "..", "src", "docs", "settings.md");
        string written = Run("settings", "--markdown").Output;
        Assert.True(
            File.ReadAllText(page).ReplaceLineEndings("\n") == written,
            "src/docs/settings.md is not what the comments in the source say. Write it anew: "
            + SettingsPages.PageCommand);
    }

    [Fact]
    public void A_word_finds_keys_and_else_meanings()
    {
        (int status, string output, string error) = Run("settings", "recipe.temp");
        Assert.Equal((0, ""), (status, error));
        Assert.Contains("recipe.temperature = 0.2", output);
        Assert.DoesNotContain("recipe.batch", output);
        Assert.DoesNotContain("finetune", output); // which has no such key
        Assert.All(output.Split('\n'), line => Assert.True(line.Length <= 100, line));

        Assert.Contains("views.hue", Run("settings", "colour circle").Output);
        Assert.Contains("did you mean 'recipe'?", Run("settings", "recepi").Error);
    }

    [Fact]
    public void Scripts_get_objects()
    {
        (int status, string output, string error) = Run("settings", "optimizer", "--json");
        Assert.Equal((0, ""), (status, error));
        JsonObject entry = JsonNode.Parse(output)!.AsArray().Single()!.AsObject();
        Assert.Equal("train", (string)entry["command"]!);
        Assert.Equal("recipe.optimizer", (string)entry["key"]!);
        Assert.Equal("adamw", (string)entry["default"]!);
        Assert.Equal(4, entry["choices"]!.AsArray().Count);
    }

    // Single options, --set over them, and the last one of the same key: as the run's own settings say.
    [Fact]
    public void Settings_are_set_from_the_command_line()
    {
        string settings = TinyRun.WriteSettings(_folder, epochs: 2);
        (int status, _, string error) = Run(
            "train", "--settings", settings, "--out", _folder["run"], "--device", "cpu", "--epochs", "1",
            "--batch", "6", "--lr", "0.2", "--image-size", "12", "--set", "recipe.batch=16", "--set", "recipe.batch=24",
            "--set", "model.patch=6", "--set", "views.hue=0.05", "--set", "recipe.optimizer=sgd");
        Assert.Equal((0, ""), (status, error));
        JsonNode written = JsonNode.Parse(File.ReadAllText(_folder["run", "settings.json"]))!;
        Assert.Equal((24, 0.2), ((int)written["recipe"]!["batch"]!, (double)written["recipe"]!["baseLearningRate"]!));
        Assert.Equal((12, 6), ((int)written["model"]!["imageSize"]!, (int)written["model"]!["patch"]!));
        Assert.Equal("sgd", (string)written["recipe"]!["optimizer"]!);
        Assert.Equal(0.05, (double)written["views"]!["hue"]!);
        Assert.Equal(1.0 / 3, (double)written["recipe"]!["warmupEpochs"]!, 1e-12); // as in the file, of one epoch

        (status, _, error) = Run(
            "finetune", "--checkpoint", _folder["run", "final.safetensors"], "--data", _folder["data"],
            "--out", _folder["tuned"], "--device", "cpu", "--epochs", "1", "--recipe", "quick",
            "--set", "recipe.batch=9", "--set", "recipe.labelSmoothing=0.2");
        Assert.Equal((0, ""), (status, error));
        written = JsonNode.Parse(File.ReadAllText(_folder["tuned", "settings.json"]))!;
        Assert.Equal((9, 0.2), ((int)written["recipe"]!["batch"]!, (double)written["recipe"]!["labelSmoothing"]!));
    }

    // What was written, and what the one line about it says.
    [Theory]
    [InlineData("train --set recipe.bath=3", "did you mean 'recipe.batch'?")]
    [InlineData("train --set recipe.batch", "expected KEY=VALUE")]
    [InlineData("train --set =3", "expected KEY=VALUE")]
    [InlineData("train --set recipe.batch=many", "recipe.batch is \"many\"; expected a whole number of at least 2")]
    [InlineData("finetune --out x --set recipe.temperature=1", "'recipe.temperature' is unknown")]
    [InlineData("trian", "did you mean 'train'?")]
    [InlineData("train --epoch 3", "did you mean '--epochs'?")]
    [InlineData("train --preset vit-s", "did you mean 'vit-s-300'?")]
    [InlineData("knn --checkpoint x --device cdua", "did you mean 'cuda'?")]
    public void A_mistake_is_answered_with_what_was_meant(string line, string says)
    {
        (int status, string output, string error) = Run(line.Split(' '));
        Assert.Equal((2, ""), (status, output));
        AssertOneLine(error);
        Assert.Contains(says, error);
    }

    private static void Flatten(string prefix, JsonObject group, Dictionary<string, string> into)
    {
        foreach ((string name, JsonNode? value) in group)
        {
            if (value is JsonObject nested)
            {
                Flatten($"{prefix}{name}.", nested, into);
            }
            else
            {
                into.Add(prefix + name, SettingsJson.Shown(value));
            }
        }
    }
}
