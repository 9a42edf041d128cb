using System.Text.Json;
using CudaViT.Data.Pixels;
using CudaViT.Data.Views;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;

namespace CudaViT.Training.Tests.Data;

/// <summary>Image operations against the recorded results of the reference pipeline, bit for bit.</summary>
[Trait("Category", "Fixtures")]
public sealed class ImageOpsTests
{
    private delegate byte[] Apply(Picture image, JsonElement parameters);

    private static readonly Dictionary<string, Apply> Implemented = new()
    {
        ["brightness"] = (image, p) => image.Change(pixels => ImageOps.Brightness(pixels, Number(p, "factor"))),
        ["contrast"] = (image, p) => image.Change(pixels => ImageOps.Contrast(pixels, 3, Number(p, "factor"))),
        ["saturation"] = (image, p) => image.Change(pixels => ImageOps.Saturation(pixels, Number(p, "factor"))),
        ["hue"] = (image, p) => image.Change(pixels => ImageOps.Hue(pixels, Number(p, "factor"))),
        ["color_jitter"] = (image, p) => image.Change(pixels => Jitter(p).Apply(pixels, image.Channels)),
        ["grayscale"] = (image, _) => image.Change(pixels => ImageOps.Grayscale(pixels)),
        ["gaussian_blur"] = (image, p) => image.Change(pixels => Blur(pixels, image, Number(p, "radius"))),
        ["solarize"] = (image, p) => image.Change(pixels => ImageOps.Solarize(pixels, Integer(p, "threshold"))),
        ["hflip"] = (image, _) => image.Change(pixels => ImageOps.FlipHorizontally(pixels, image.Width, 3)),
        ["resized_crop"] = ResizedCrop,
        ["eval_transform"] = Evaluate,
        ["view"] = View,
    };

    public static TheoryData<string> Cases =>
        [.. Recorded().Where(test => Text(test, "op") != "to_tensor_normalize").Select(test => Text(test, "name"))];

    public static TheoryData<string> NormalizeCases => CasesOf("to_tensor_normalize");

    public static TheoryData<string> ResizeCases => CasesOf("resized_crop", "eval_transform");

    [Theory, MemberData(nameof(Cases))]
    public void Result_is_the_recorded_one_bit_for_bit(string name)
    {
        JsonElement test = Recorded().Single(test => Text(test, "name") == name);
        using SafetensorsFile file = OpenImages();
        var image = Picture.Load(file, Text(test, "image"));
        byte[] actual = Implemented[Text(test, "op")](image, test.GetProperty("params"));
        Assert.Equal(file.ReadBytes($"out.{name}"), actual);
    }

    // Grey and colour rows are resized by different loops.
    [Theory, MemberData(nameof(ResizeCases))]
    public void A_grey_image_is_treated_like_its_colour_twin(string name)
    {
        JsonElement test = Recorded().Single(test => Text(test, "name") == name);
        using SafetensorsFile file = OpenImages();
        var grey = Picture.Load(file, Text(test, "image")).Red();
        var twin = new Picture([.. grey.Pixels.SelectMany(v => new[] { v, v, v })], grey.Height, grey.Width, 3);
        byte[] fromGrey = Implemented[Text(test, "op")](grey, test.GetProperty("params"));
        byte[] fromTwin = Implemented[Text(test, "op")](twin, test.GetProperty("params"));
        Assert.Equal(fromTwin, fromGrey.SelectMany(v => new[] { v, v, v }));
    }

    [Theory]
    [InlineData(0.6f)]
    [InlineData(1.4f)]
    public void Contrast_and_flip_treat_grey_like_its_colour_twin(float factor)
    {
        byte[] grey = [0, 17, 255, 3, 90, 91];
        byte[] twin = [.. grey.SelectMany(v => new[] { v, v, v })];
        ImageOps.Contrast(grey, 1, factor);
        ImageOps.Contrast(twin, 3, factor);
        ImageOps.FlipHorizontally(grey, 3, 1);
        ImageOps.FlipHorizontally(twin, 3, 3);
        Assert.Equal(twin, grey.SelectMany(v => new[] { v, v, v }));
    }

    // A single row and column, smaller than a box; a width that is no multiple of eight bytes; channels of their own.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 5)]
    [InlineData(7, 1)]
    [InlineData(9, 13)]
    public void A_blur_of_grey_is_that_of_its_colour_twin_and_keeps_flat_images(int height, int width)
    {
        byte[] grey = new byte[height * width];
        new System.Random(3).NextBytes(grey);
        byte[] twin = [.. grey.SelectMany(v => new[] { v, v, (byte)77 })];
        foreach (float sigma in new[] { 0.1f, 1.3f, 9f })
        {
            var blur = new BoxBlur();
            blur.Apply(grey, height, width, 1, sigma);
            blur.Apply(twin, height, width, 3, sigma);
            Assert.Equal(grey.SelectMany(v => new[] { v, v, (byte)77 }), twin);
        }
    }

    [Theory]
    [InlineData(-0.1f)]
    [InlineData(float.NaN)]
    [InlineData(1e6f)]
    public void A_blur_that_has_no_meaning_is_refused(float sigma) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new BoxBlur().Apply(new byte[12], 2, 2, 3, sigma));

    [Theory, MemberData(nameof(NormalizeCases))]
    public void Normalising_gives_the_recorded_floats(string name)
    {
        JsonElement test = Recorded().Single(test => Text(test, "name") == name);
        using SafetensorsFile file = OpenImages();
        var image = Picture.Load(file, Text(test, "image"));
        float[] mean = [.. test.GetProperty("params").GetProperty("mean").EnumerateArray().Select(v => v.GetSingle())];
        float[] std = [.. test.GetProperty("params").GetProperty("std").EnumerateArray().Select(v => v.GetSingle())];

        float[] actual = new float[image.Pixels.Length];
        new Normalization(mean, std).Apply<float>(image.Pixels, image.Height * image.Width, actual);

        byte[] expected = file.ReadBytes($"out.{Text(test, "name")}");
        Assert.Equal(System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(expected).ToArray(), actual);
    }

    [Fact]
    public void A_box_outside_the_image_is_refused()
    {
        var resizer = new ImageResizer();
        byte[] pixels = new byte[12];
        CropBox[] boxes =
            [new(-1, 0, 1, 1), new(0, 0, 4, 1), new(0, 4, 1, 1), new(0, 0, 0, 1), new(int.MaxValue, 0, 2, 1)];
        foreach (CropBox box in boxes)
        {
            Assert.Throws<ArgumentException>(
                () => resizer.Resize(new ImageView(pixels, 3, 4, 1), box, new byte[4], 2, 2));
        }

        Assert.Throws<ArgumentException>(
            () => resizer.Resize(new ImageView(pixels, 3, 4, 1), new CropBox(0, 0, 3, 4), new byte[5], 2, 2));
    }

    private static TheoryData<string> CasesOf(params string[] operations) =>
        [.. Recorded().Where(test => operations.Contains(Text(test, "op"))).Select(test => Text(test, "name"))];

    private static byte[] ResizedCrop(Picture image, JsonElement p)
    {
        var box = new CropBox(Integer(p, "top"), Integer(p, "left"), Integer(p, "height"), Integer(p, "width"));
        (int height, int width) = (p.GetProperty("out")[0].GetInt32(), p.GetProperty("out")[1].GetInt32());
        byte[] result = new byte[height * width * image.Channels];
        new ImageResizer().Resize(image.View, box, result, height, width);
        return result;
    }

    private static byte[] View(Picture image, JsonElement p)
    {
        var plan = new ViewPlan(
            new CropBox(Integer(p, "top"), Integer(p, "left"), Integer(p, "height"), Integer(p, "width")),
            Flag(p, "jitter") ? Jitter(p) : null,
            Flag(p, "gray"),
            p.GetProperty("blur").ValueKind == JsonValueKind.Null ? null : Number(p, "blur"),
            Flag(p, "solarize"),
            Flag(p, "flip"));
        int size = p.GetProperty("out")[0].GetInt32();
        byte[] result = new byte[size * size * image.Channels];
        new ViewRenderer().Render(image.View, plan, size, result);
        return result;
    }

    private static ColorJitter Jitter(JsonElement p)
    {
        ColorOperation[] order =
            [.. p.GetProperty("order").EnumerateArray().Select(operation => (ColorOperation)operation.GetInt32())];
        float[] factors = [.. p.GetProperty("factors").EnumerateArray().Select(factor => factor.GetSingle())];
        return new ColorJitter(
            order[0], order[1], order[2], order[3], factors[0], factors[1], factors[2], factors[3]);
    }

    private static void Blur(byte[] pixels, Picture image, float sigma) =>
        new BoxBlur().Apply(pixels, image.Height, image.Width, image.Channels, sigma);

    private static byte[] Evaluate(Picture image, JsonElement p)
    {
        int crop = Integer(p, "center_crop");
        byte[] result = new byte[crop * crop * image.Channels];
        new EvaluationTransform(Integer(p, "resize_short_side"), crop).Apply(image.View, result);
        return result;
    }

    private static List<JsonElement> Recorded() =>
        [.. JsonDocument.Parse(File.ReadAllBytes(Fixtures.File("augment", "cases.json"))).RootElement.EnumerateArray()];

    private static SafetensorsFile OpenImages() =>
        SafetensorsFile.Open(Fixtures.File("augment", "augment.safetensors"));

    private static string Text(JsonElement test, string name) => test.GetProperty(name).GetString()!;

    private static int Integer(JsonElement parameters, string name) => parameters.GetProperty(name).GetInt32();

    private static bool Flag(JsonElement parameters, string name) => parameters.GetProperty(name).GetBoolean();

    private static float Number(JsonElement parameters, string name) => parameters.GetProperty(name).GetSingle();

    private sealed record Picture(byte[] Pixels, int Height, int Width, int Channels)
    {
        public ImageView View => new(Pixels, Height, Width, Channels);

        public static Picture Load(SafetensorsFile file, string name)
        {
            SafetensorsTensor tensor = file[$"image.{name}"];
            return new(file.ReadBytes(tensor.Name), (int)tensor.Shape[0], (int)tensor.Shape[1], (int)tensor.Shape[2]);
        }

        public Picture Red() => new([.. Pixels.Where((_, i) => i % Channels == 0)], Height, Width, 1);

        public byte[] Change(Action<byte[]> change)
        {
            byte[] pixels = [.. Pixels];
            change(pixels);
            return pixels;
        }
    }
}
