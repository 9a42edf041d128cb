using System.Text.Json.Nodes;
using CudaViT.Core;
using CudaViT.Training.Runs.Pretraining;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Settings;

public sealed class SettingsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder["my.json"];

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> PresetNames => [.. Presets.All.Select(preset => preset.Name)];

    [Theory, MemberData(nameof(PresetNames))]
    public void What_is_written_resolves_to_the_same_settings(string preset)
    {
        TrainSettings settings = TrainSettings.Of(preset);
        File.WriteAllText(FilePath, SettingsJson.Write(settings));
        Assert.Equal(settings, new SettingsRequest { File = FilePath }.Resolve());
        Assert.Equal(preset, settings.Preset);
    }

    // Each of the four sources sets the batch, or leaves it to the one before; the first is the quick-start preset.
    [Theory]
    [InlineData(null, null, null, null)]
    [InlineData("vit-b-300", null, null, 4096)]
    [InlineData("vit-b-300", 64, null, 64)]
    [InlineData("vit-b-300", 64, 32, 32)]
    [InlineData(null, 64, 32, 32)]
    public void Later_sources_win(string? preset, int? file, int? option, int? expected)
    {
        if (file is not null)
        {
            File.WriteAllText(FilePath, $$"""{ "recipe": { "batch": {{file}} } } // nothing else""");
        }

        TrainSettings settings = new SettingsRequest
        {
            Preset = preset,
            File = file is null ? null : FilePath,
            Options = option is null ? [] : [new SettingsOption("--batch", "recipe.batch", option)],
        }.Resolve();
        Assert.Equal(expected ?? Presets.Quick.Recipe.Batch, settings.Recipe.Batch);
        Assert.Equal(Presets.Find(preset ?? "quick").Model, settings.Model);
    }

    [Fact]
    public void A_file_chooses_the_preset_unless_the_command_line_does()
    {
        File.WriteAllText(FilePath, """{ "preset": "vit-s-300", "seed": 18446744073709551615, "dtype": "f64" }""");
        TrainSettings settings = new SettingsRequest { File = FilePath }.Resolve();
        Assert.Equal("vit-s-300", settings.Preset);
        Assert.Equal(ulong.MaxValue, settings.Seed);
        Assert.Equal(DType.F64, settings.Dtype);

        settings = new SettingsRequest { Preset = "vit-b-300", File = FilePath }.Resolve();
        Assert.Equal("vit-b-300", settings.Preset);
        Assert.Equal(768, settings.Model.Width);
    }

    [Fact]
    public void A_shorter_run_keeps_its_share_of_warm_up() =>
        Assert.Equal(4, new SettingsRequest { Preset = "vit-s-300", Epochs = 30 }.Resolve().Recipe.WarmupEpochs);

    // What is wrong, and what the message must say of it: the key, the value, and what was expected.
    [Theory]
    [InlineData("""{ "bath": 4 }""", "'bath' is unknown", "expected one of preset, seed, dtype")]
    [InlineData("""{ "recipe": { "bath": 4 } }""", "'recipe.bath' is unknown", "batch, epochs")]
    [InlineData("""{ "batch": 4 }""", "'batch' is unknown", "belongs under 'recipe'")]
    [InlineData("""{ "recipe": 4 }""", "recipe is 4", "a group of settings")]
    [InlineData("""{ "recipe": { "batch": "many" } }""", "recipe.batch is \"many\"", "a whole number")]
    [InlineData("""{ "recipe": { "batch": 2.5 } }""", "recipe.batch is 2.5", "a whole number")]
    [InlineData("""{ "recipe": { "batch": null } }""", "recipe.batch is null", "a whole number")]
    [InlineData("""{ "recipe": { "batch": 99999999999 } }""", "recipe.batch is 99999999999", "a whole number")]
    [InlineData("""{ "recipe": { "batch": 1 } }""", "recipe.batch is 1", "at least 2")]
    [InlineData("""{ "recipe": { "temperature": 0 } }""", "recipe.temperature is 0", "above 0")]
    [InlineData("""{ "recipe": { "momentumCosine": 1 } }""", "recipe.momentumCosine is 1", "true or false")]
    [InlineData("""{ "recipe": { "optimizer": "adam" } }""", "recipe.optimizer is \"adam\"", "one of adamw, lars")]
    [InlineData("""{ "dtype": "i32" }""", "dtype is \"i32\"", "one of f32, bf16, f64")]
    [InlineData("""{ "seed": -1 }""", "seed is -1", "a whole number")]
    [InlineData("""{ "views": { "flipProbability": 1.5 } }""", "views.flipProbability is 1.5", "from 0 to 1")]
    [InlineData("""{ "data": { "limit": 0 } }""", "data.limit is 0", "or null")]
    [InlineData("""{ "data": { "path": 3 } }""", "data.path is 3", "a text, or null")]
    [InlineData("""{ "run": { "workers": 0 } }""", "run.workers is 0", "from 1 to 1024")]
    [InlineData("""{ "model": { "patch": 5 } }""", "model.imageSize is 28", "a multiple of 5")]
    [InlineData("""{ "preset": "nope" }""", "nope", "quick, small-32")]
    [InlineData("""{ "seed": 1, "seed": 2 }""", "not valid JSON", "seed")]
    [InlineData("""{ "seed": """, "not valid JSON", "correct it")]
    [InlineData("""[]""", "not a JSON object", "expected")]
    public void A_bad_file_is_one_line_that_names_key_file_and_expectation(string json, string what, string expected)
    {
        File.WriteAllText(FilePath, json);
        var request = new SettingsRequest { File = FilePath };
        string message = Assert.Throws<SettingsException>(request.Resolve).Message;
        Assert.Contains(what, message);
        Assert.Contains(expected, message);
        Assert.DoesNotContain('\n', message);
        Assert.Contains(FilePath, message);
    }

    [Fact]
    public void A_missing_file_is_one_line()
    {
        var request = new SettingsRequest { File = FilePath };
        string message = Assert.Throws<SettingsException>(request.Resolve).Message;
        Assert.Contains(FilePath, message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Going_on_keeps_the_settings_of_the_run_except_for_where_it_runs()
    {
        TrainSettings stored = TrainSettings.Of("vit-s-300") with { Seed = 3 };
        TrainSettings resolved = new SettingsRequest
        {
            Preset = "vit-s-300",
            Epochs = 300,
            Options =
            [
                Option("--seed", "seed", 3),
                Option("--workers", "run.workers", 5),
                Option("--data", "data.path", "/moved"),
            ],
        }.ResolveOver(stored);
        Assert.Equal(5, resolved.Run.Workers);
        Assert.Equal("/moved", resolved.Data.Path);
        Assert.Equal(stored, resolved with { Run = stored.Run, Data = stored.Data });
        Assert.Equal(stored.Digest(), resolved.Digest());
    }

    [Fact]
    public void Going_on_with_another_result_is_refused()
    {
        TrainSettings stored = TrainSettings.Of("vit-s-300");
        var requests = new Dictionary<string, SettingsRequest>
        {
            ["seed"] = new() { Options = [Option("--seed", "seed", 9)] },
            ["recipe.epochs"] = new() { Epochs = 200 },
            ["preset"] = new() { Preset = "quick" },
        };
        Assert.All(requests, pair =>
        {
            string message = Assert.Throws<SettingsException>(() => pair.Value.ResolveOver(stored)).Message;
            Assert.StartsWith(pair.Key, message);
            Assert.DoesNotContain('\n', message);
        });
    }

    [Fact]
    public void The_digest_tells_results_apart_and_nothing_else()
    {
        TrainSettings settings = TrainSettings.Of("quick");
        var elsewhere = new RunSettings { Threads = 7, CheckpointEvery = 1 };
        Assert.Equal(settings.Digest(), (settings with { Run = elsewhere }).Digest());
        TrainSettings augmenting = settings with { Views = settings.Views with { Augment = AugmentingDevice.Cuda } };
        Assert.Equal(settings.Digest(), augmenting.Digest()); // the same views
        Assert.NotEqual(settings.Digest(), (settings with { Seed = 1 }).Digest());
        Assert.NotEqual(settings.Digest(), (settings with { Dtype = DType.BF16 }).Digest());
        Assert.NotEqual(settings.Digest(), settings.WithEpochs(9).Digest());
    }

    private static SettingsOption Option(string name, string key, JsonNode value) => new(name, key, value);
}
