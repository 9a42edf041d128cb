using System.Text.Json;
using CudaViT.TestKit;
using CudaViT.Training.Methods.MoCoV3;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Models.Vit;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Tests;

[Trait("Category", "Fixtures")]
public sealed class InitFixtureTests
{
    private static readonly JsonElement Recorded =
        JsonDocument.Parse(File.ReadAllText(Fixtures.File("sincos", "init_statistics.json"))).RootElement;

    // The reference implementation's names of architectures.
    private static readonly Dictionary<string, ModelSettings> Architectures = new()
    {
        ["vit_small"] = ModelSettings.VitSmall,
        ["vit_base"] = ModelSettings.VitBase,
        ["vit_conv_small"] = ModelSettings.VitConvSmall,
        ["vit_conv_base"] = ModelSettings.VitConvBase,
    };

    public static TheoryData<string> Names => [.. Recorded.EnumerateObject().Select(property => property.Name)];

    [Theory, MemberData(nameof(Names))]
    public void Counts_names_and_shapes_agree(string name)
    {
        JsonElement recorded = Recorded.GetProperty(name);
        MoCoV3 model = Build(name);
        JsonElement counts = recorded.GetProperty("parameter_counts");

        Assert.Equal(counts.GetProperty("total").GetInt64(), model.ParameterCount);
        Assert.Equal(counts.GetProperty("with_gradient").GetInt64(), model.TrainableParameterCount);
        Assert.Equal(counts.GetProperty("base_encoder").GetInt64(), model.BaseEncoder.ParameterCount);
        Assert.Equal(
            counts.GetProperty("backbone_without_head").GetInt64(),
            model.BaseEncoder.ParameterCount - model.BaseEncoder.Projector.ParameterCount);

        JsonProperty[] expected = [.. recorded.GetProperty("parameters").EnumerateObject()];
        Parameter[] actual = [.. Drawn(model)];
        Assert.Equal(expected.Select(property => property.Name), actual.Select(parameter => parameter.Name));
        foreach ((JsonProperty property, Parameter parameter) in expected.Zip(actual))
        {
            JsonElement shape = property.Value.GetProperty("shape");
            Assert.Equal(shape.EnumerateArray().Select(size => size.GetInt32()), parameter.Shape);
            Assert.Equal(property.Value.GetProperty("requires_grad").GetBoolean(), parameter.IsTrainable);
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void Initial_values_have_the_recorded_distributions(string name)
    {
        JsonElement recorded = Recorded.GetProperty(name).GetProperty("parameters");
        MoCoV3 model = Build(name);
        foreach (Parameter parameter in Drawn(model))
        {
            Check(parameter, recorded.GetProperty(parameter.Name).GetProperty("expected"));
        }
    }

    private static MoCoV3 Build(string name)
    {
        Assert.True(Architectures.ContainsKey(name), $"{name} is no architecture this test knows.");
        JsonElement recorded = Recorded.GetProperty(name);
        ModelSettings settings = Architectures[name] with
        {
            ImageSize = recorded.GetProperty("image").GetInt32(),
            HeadHidden = recorded.GetProperty("mlp_dim").GetInt32(),
            HeadOutput = recorded.GetProperty("moco_dim").GetInt32(),
            FreezePatch = true,
        };
        return new MoCoV3(settings, temperature: 0.2);
    }

    // The momentum encoder is a copy.
    private static IEnumerable<Parameter> Drawn(MoCoV3 model) =>
        model.BaseEncoder.Parameters().Concat(model.Predictor!.Parameters());

    // One tensor at a time: no model of this size is ever in memory.
    private static void Check(Parameter parameter, JsonElement expected)
    {
        double[] values = parameter.Draw(seed: 5);
        double count = values.Length;
        (double mean, double deviation, double largest) = Statistics(values);
        string what = parameter.ToString();
        switch (expected.GetProperty("kind").GetString())
        {
            case "uniform":
                double bound = expected.GetProperty("bound").GetDouble();
                Assert.True(Math.Abs(mean) < 5 * bound / Math.Sqrt(3 * count), what);
                Assert.True(Math.Abs(deviation - (bound / Math.Sqrt(3))) < 5 * bound / Math.Sqrt(15 * count), what);
                Assert.True(largest <= bound && largest > bound * (1 - (20 / count)), what);
                break;
            case "normal":
                // Five standard deviations of the sample's mean and standard deviation.
                double scale = expected.GetProperty("std").GetDouble();
                Assert.True(Math.Abs(mean) < 5 * scale / Math.Sqrt(count), what);
                Assert.True(Math.Abs(deviation - scale) < 5 * scale / Math.Sqrt(2 * count), what);
                break;
            case "constant":
                double constant = expected.GetProperty("value").GetDouble();
                Assert.True(Array.TrueForAll(values, value => value == constant), what);
                break;
            case "sincos":
                int grid = (int)Math.Sqrt(parameter.Shape[1] - 1);
                Assert.Equal(SinCosTable.Make(grid, grid, parameter.Shape[2], hasClassToken: true), values);
                break;
            default:
                Assert.Fail($"{what}: no test for {expected}");
                break;
        }
    }

    // Loops: these are hundreds of millions of values.
    private static (double Mean, double Deviation, double Largest) Statistics(double[] values)
    {
        (double sum, double squares, double largest) = (0, 0, 0);
        foreach (double value in values)
        {
            sum += value;
            squares += value * value;
            largest = Math.Max(largest, Math.Abs(value));
        }

        double mean = sum / values.Length;
        return (mean, Math.Sqrt(Math.Max(0, (squares / values.Length) - (mean * mean))), largest);
    }
}
