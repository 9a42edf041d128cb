using System.Text.Json;
using CudaViT.Data.Pixels;
using CudaViT.Data.Supervised;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Tests.Data;

/// <summary>
/// The operations of RandAugment and bicubic resizing against Pillow's recorded results, bit for bit.
/// </summary>
[Trait("Category", "Fixtures")]
public sealed class RandAugmentFixtureTests
{
    private static readonly Dictionary<string, RandAugmentOperation> Operations = new()
    {
        ["autocontrast"] = RandAugmentOperation.AutoContrast,
        ["equalize"] = RandAugmentOperation.Equalize,
        ["invert"] = RandAugmentOperation.Invert,
        ["rotate"] = RandAugmentOperation.Rotate,
        ["posterize"] = RandAugmentOperation.Posterize,
        ["solarize"] = RandAugmentOperation.Solarize,
        ["solarize_add"] = RandAugmentOperation.SolarizeAdd,
        ["color"] = RandAugmentOperation.Color,
        ["contrast"] = RandAugmentOperation.Contrast,
        ["brightness"] = RandAugmentOperation.Brightness,
        ["sharpness"] = RandAugmentOperation.Sharpness,
        ["shear_x"] = RandAugmentOperation.ShearX,
        ["shear_y"] = RandAugmentOperation.ShearY,
        ["translate_x"] = RandAugmentOperation.TranslateX,
        ["translate_y"] = RandAugmentOperation.TranslateY,
    };

    public static TheoryData<string> Names =>
        [.. Cases().Select(test => test.GetProperty("op").GetString()!).Distinct()];

    [Theory, MemberData(nameof(Names))]
    public void Results_are_the_recorded_ones_bit_for_bit(string operation)
    {
        using SafetensorsFile file = SafetensorsFile.Open(
            Fixtures.Shipped("randaugment", "randaugment.safetensors"));
        foreach (JsonElement test in Cases().Where(test => test.GetProperty("op").GetString() == operation))
        {
            string name = test.GetProperty("name").GetString()!;
            SafetensorsTensor input = file[$"image.{test.GetProperty("image").GetString()}"];
            (int height, int width, int channels) =
                ((int)input.Shape[0], (int)input.Shape[1], (int)input.Shape[2]);
            byte[] pixels = file.ReadBytes(input.Name);
            byte[] actual = operation == "resize"
                ? Resize(test, new ImageView(pixels, height, width, channels))
                : Change(test, pixels, height, width, channels);
            byte[] expected = file.ReadBytes($"out.{name}");
            Assert.Equal((name, ""), (name, Differences(expected, actual)));
        }
    }

    [Fact]
    public void Every_operation_is_recorded() =>
        Assert.Equal(Enum.GetValues<RandAugmentOperation>(), Operations.Values.Order());

    private static byte[] Change(JsonElement test, byte[] pixels, int height, int width, int channels)
    {
        var step = new RandAugmentStep(
            Operations[test.GetProperty("op").GetString()!], test.GetProperty("number").GetDouble());
        new RandAugmentRenderer(channels == 3 ? [124, 116, 104] : [73]).Apply(step, pixels, height, width);
        return pixels;
    }

    private static byte[] Resize(JsonElement test, ImageView image)
    {
        int[] box = [.. test.GetProperty("box").EnumerateArray().Select(number => number.GetInt32())];
        int[] size = [.. test.GetProperty("size").EnumerateArray().Select(number => number.GetInt32())];
        byte[] result = new byte[size[0] * size[1] * image.Channels];
        new ImageResizer(Interpolation.Bicubic).Resize(
            image, new CropBox(box[0], box[1], box[2], box[3]), result, size[0], size[1]);
        return result;
    }

    private static string Differences(byte[] expected, byte[] actual)
    {
        int[] wrong = [.. Enumerable.Range(0, expected.Length).Where(i => expected[i] != actual[i])];
        return wrong.Length == 0
            ? ""
            : $"{wrong.Length} of {expected.Length}, first at {wrong[0]}: {actual[wrong[0]]} for {expected[wrong[0]]}";
    }

    private static List<JsonElement> Cases() =>
        [.. JsonDocument.Parse(File.ReadAllBytes(Fixtures.Shipped("randaugment", "cases.json")))
            .RootElement.GetProperty("cases").EnumerateArray()];
}
