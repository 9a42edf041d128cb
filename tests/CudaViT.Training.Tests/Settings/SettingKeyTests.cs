using System.Text.Json.Nodes;
using CudaViT.Training.Settings;
using CudaViT.Training.Settings.FineTuning;

namespace CudaViT.Training.Tests.Settings;

public sealed class SettingKeyTests
{
    // One of each type of value, as people write it, and as it then stands in a file.
    [Theory]
    [InlineData("recipe.batch", "64", "64")]
    [InlineData("recipe.baseLearningRate", "1e-3", "0.001")]
    [InlineData("recipe.momentumCosine", "false", "false")]
    [InlineData("recipe.optimizer", "lars", "\"lars\"")]
    [InlineData("run.device", "cpu", "\"cpu\"")]
    [InlineData("run.tensorBoard", "12", "\"12\"")]
    [InlineData("run.threads", "null", null)]
    [InlineData("seed", "18446744073709551615", "18446744073709551615")]
    [InlineData("dtype", "bf16", "\"bf16\"")]
    public void Values_read_as_people_write_them(string key, string text, string? expected)
    {
        JsonNode? value = SettingKey.Find(typeof(TrainSettings), key).Parse(text);
        Assert.True(JsonNode.DeepEquals(expected is null ? null : JsonNode.Parse(expected), value), $"{value}");
        TrainSettings set = SettingsJson.Set(new TrainSettings(), key, value, "--set");
        Assert.True(JsonNode.DeepEquals(value, At(set, key)), $"{At(set, key)}");
    }

    // What is wrong, and what is expected: type, range, word, null, a number beyond double.
    [Theory]
    [InlineData("recipe.batch", "many", "recipe.batch is \"many\"", "a whole number of at least 2")]
    [InlineData("recipe.batch", "1", "recipe.batch is 1", "a whole number of at least 2")]
    [InlineData("recipe.batch", "2.5", "recipe.batch is 2.5", "a whole number")]
    [InlineData("recipe.batch", "", "recipe.batch is \"\"", "a whole number")]
    [InlineData("recipe.batch", "null", "recipe.batch is null", "a whole number")]
    [InlineData("recipe.batch", "[1]", "recipe.batch is \"[1]\"", "a whole number")]
    [InlineData("recipe.temperature", "0", "recipe.temperature is 0", "a number above 0")]
    [InlineData("recipe.temperature", "1e999", "recipe.temperature is 1e999", "numbers end at 1.8e308")]
    [InlineData("recipe.cropMinimum", "1.5", "recipe.cropMinimum is 1.5", "above 0 and at most 1")]
    [InlineData("recipe.optimizer", "adam", "recipe.optimizer is \"adam\"", "one of adamw, lars, lamb, sgd")]
    [InlineData("recipe.momentumCosine", "yes", "recipe.momentumCosine is \"yes\"", "true or false")]
    [InlineData("dtype", "i32", "dtype is \"i32\"", "one of f32, bf16, f64")]
    public void A_value_that_is_not_expected_is_refused(string key, string text, string what, string expected)
    {
        SettingKey found = SettingKey.Find(typeof(TrainSettings), key);
        string message = Assert.Throws<SettingsException>(() => found.Parse(text)).Message;
        Assert.Contains(what, message);
        Assert.Contains(expected, message);
    }

    // A letter is wrong; the group is left out; only the group is named; nothing like it; another option's.
    [Theory]
    [InlineData("recipe.bath", "did you mean 'recipe.batch'?")]
    [InlineData("batch", "did you mean 'recipe.batch'?")]
    [InlineData("tempreature", "did you mean 'recipe.temperature'?")]
    [InlineData("model", "did you mean 'model.architecture'?")]
    [InlineData("zebra", "'zebra' is unknown; expected one that cudavit settings lists")]
    [InlineData("preset", "set by --preset")]
    [InlineData("data.path", "set by --data")]
    [InlineData("init.sha256", "set by --init")]
    public void An_unknown_key_is_answered_with_the_one_that_was_meant(string key, string says) => Assert.Contains(
        says, Assert.Throws<SettingsException>(() => SettingKey.Find(typeof(TrainSettings), key)).Message);

    [Fact]
    public void What_a_fine_tuned_model_was_before_is_not_set_but_read() => Assert.Contains(
        "set by --checkpoint",
        Assert.Throws<SettingsException>(
            () => SettingKey.Find(typeof(FineTuneSettings), "pretraining.model.width")).Message);

    [Fact]
    public void A_settings_file_with_a_number_beyond_double_is_refused_by_name()
    {
        var changes = (JsonObject)JsonNode.Parse("""{ "recipe": { "baseLearningRate": 1e999 } }""")!;
        string message = Assert.Throws<SettingsException>(
            () => SettingsJson.Merge(new TrainSettings(), changes, "my.json")).Message;
        Assert.Contains("recipe.baseLearningRate is 1e999", message);
        Assert.Contains("numbers end at 1.8e308", message);
    }

    private static JsonNode? At(TrainSettings settings, string key) => key.Split('.').Aggregate(
        JsonNode.Parse(SettingsJson.Write(settings)), (node, part) => node?[part]);
}
