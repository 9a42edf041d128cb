using System.Text.Json;
using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Views;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Backend.Tests;

/// <summary>The kernels' views against the recorded results of the reference pipeline, bit for bit.</summary>
[Trait("Category", "Fixtures")]
public sealed class AugmentFixtureTests
{
    private static readonly string[] ChangesInPlace =
        ["brightness", "contrast", "saturation", "hue", "grayscale", "solarize", "hflip"];

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Views_are_the_recorded_ones(string backend)
    {
        using TestRun run = Backends.Open(backend);
        using var file = SafetensorsFile.Open(TestKit.Fixtures.File("augment", "augment.safetensors"));
        using var cases = JsonDocument.Parse(File.ReadAllBytes(TestKit.Fixtures.File("augment", "cases.json")));
        int compared = 0;
        foreach (JsonElement test in cases.RootElement.EnumerateArray())
        {
            SafetensorsTensor image = file[$"image.{Text(test, "image")}"];
            int size = SizeOf(test, image);
            if (size == 0)
            {
                continue; // another operation, or a view that is no square
            }

            byte[] bytes = file.ReadBytes(image.Name);
            NdArray pixels = NdArray.From<byte>(run.Backend, bytes, [bytes.Length]);
            NdArray views = NdArray.Empty(run.Backend, [1, 3, size, size], DType.F32);
            if (run.Backend is not IAugmentingBackend)
            {
                Assert.Throws<ArgumentException>(() => Render([0, 0, 0], [1, 1, 1]));
                continue;
            }

            Render([0, 0, 0], [1 / 255f, 1 / 255f, 1 / 255f]);
            Assert.True(
                PackedViews.Bytes(views).AsSpan().SequenceEqual(file.ReadBytes($"out.{Text(test, "name")}")),
                $"{Text(test, "name")} differs.");
            compared++;

            void Render(float[] mean, float[] std) => AugmentViews.Apply(
                views, pixels, [Transform(test, (int)image.Shape[1], size)], mean, std);
        }

        Assert.True(run.Backend is not IAugmentingBackend || compared > 0, "no case of the recording was compared");
    }

    // A square view of any picture, or a square picture that is changed in place; else 0.
    private static int SizeOf(JsonElement test, SafetensorsTensor image)
    {
        if (Text(test, "op") is "view" or "resized_crop")
        {
            JsonElement size = test.GetProperty("params").GetProperty("out");
            return size[0].GetInt32() == size[1].GetInt32() ? size[0].GetInt32() : 0;
        }

        bool isSquare = image.Shape[0] == image.Shape[1] && Array.IndexOf(ChangesInPlace, Text(test, "op")) >= 0;
        return isSquare ? (int)image.Shape[0] : 0;
    }

    private static ViewTransform Transform(JsonElement test, int imageWidth, int size)
    {
        JsonElement p = test.GetProperty("params");
        int rowBytes = 3 * imageWidth;
        var whole = new ViewTransform(0, rowBytes, size, size);
        return Text(test, "op") switch
        {
            "brightness" => whole with { Colors = new() { First = ColorStep.Brightness, Brightness = Factor() } },
            "contrast" => whole with { Colors = new() { Second = ColorStep.Contrast, Contrast = Factor() } },
            "saturation" => whole with { Colors = new() { Third = ColorStep.Saturation, Saturation = Factor() } },
            "hue" => whole with { Colors = new() { Fourth = ColorStep.Hue, Hue = HueKernel.StepsOf(Factor()) } },
            "grayscale" => whole with { Grayscale = true },
            "solarize" => whole with { Solarize = true },
            "hflip" => whole with { Flip = true },
            "resized_crop" => Plan(null, grayscale: false, sigma: null, solarize: false, flip: false),
            _ => Plan(
                Flag("jitter") ? Jitter() : null,
                Flag("gray"),
                p.GetProperty("blur").ValueKind == JsonValueKind.Null ? null : p.GetProperty("blur").GetSingle(),
                Flag("solarize"),
                Flag("flip")),
        };

        ViewTransform Plan(ColorJitter? jitter, bool grayscale, float? sigma, bool solarize, bool flip)
        {
            var crop = new CropBox(Integer("top"), Integer("left"), Integer("height"), Integer("width"));
            return new ViewPlan(crop, jitter, grayscale, sigma, solarize, flip)
                .ToTransform((crop.Top * rowBytes) + (3 * crop.Left), rowBytes, crop.Height, crop.Width);
        }

        ColorJitter Jitter()
        {
            int[] order = [.. p.GetProperty("order").EnumerateArray().Select(operation => operation.GetInt32())];
            float[] factors = [.. p.GetProperty("factors").EnumerateArray().Select(factor => factor.GetSingle())];
            return new ColorJitter(
                (ColorOperation)order[0], (ColorOperation)order[1], (ColorOperation)order[2], (ColorOperation)order[3],
                factors[0], factors[1], factors[2], factors[3]);
        }

        float Factor() => p.GetProperty("factor").GetSingle();

        bool Flag(string name) => p.GetProperty(name).GetBoolean();

        int Integer(string name) => p.GetProperty(name).GetInt32();
    }

    private static string Text(JsonElement test, string name) => test.GetProperty(name).GetString()!;
}
