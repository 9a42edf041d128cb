using System.Globalization;
using System.Text.Json;
using CudaViT.Core;
using CudaViT.TestKit;
using CudaViT.Training.Data;
using FsCheck;
using FsCheck.Fluent;

namespace CudaViT.Training.Tests.Data;

/// <summary>
/// Random parameters against 20,000 draws of the reference samplers, within the tolerance recorded with them.
/// </summary>
public sealed class AugmentationDistributionTests
{
    private const int Draws = 20_000;

    private static readonly JsonElement Recorded =
        JsonDocument.Parse(File.ReadAllBytes(Fixtures.File("augment", "distributions.json"))).RootElement;

    public static TheoryData<int> CropCases =>
        [.. Enumerable.Range(0, Recorded.GetProperty("random_resized_crop").GetArrayLength())];

    [Theory, MemberData(nameof(CropCases)), Trait("Category", "Fixtures")]
    public void Crops_are_distributed_like_the_recorded_ones(int index)
    {
        JsonElement expected = Recorded.GetProperty("random_resized_crop")[index];
        (int height, int width) = (expected.GetProperty("height").GetInt32(), expected.GetProperty("width").GetInt32());
        AugmentationSettings settings = new()
        {
            OutputSize = 32,
            MinCropArea = expected.GetProperty("scale")[0].GetDouble(),
            MaxCropArea = expected.GetProperty("scale")[1].GetDouble(),
        };
        CropBox[] boxes = [.. Enumerable.Range(0, Draws).Select(sample => Crop(11, sample, height, width, settings))];

        AssertLike(
            expected.GetProperty("area_fraction"), boxes.Select(b => (double)b.Height * b.Width / (height * width)));
        AssertLike(expected.GetProperty("log_aspect"), boxes.Select(b => Math.Log((double)b.Width / b.Height)));
        AssertLike(expected.GetProperty("crop_height"), boxes.Select(b => (double)b.Height));
        AssertLike(expected.GetProperty("crop_width"), boxes.Select(b => (double)b.Width));
        AssertLike(
            expected.GetProperty("top_relative"),
            boxes.Where(b => b.Height < height).Select(b => (double)b.Top / (height - b.Height)));
        AssertLike(
            expected.GetProperty("left_relative"),
            boxes.Where(b => b.Width < width).Select(b => (double)b.Left / (width - b.Width)));

        int[] fallback = [.. expected.GetProperty("fallback_box").EnumerateArray().Select(v => v.GetInt32())];
        var fallbackBox = new CropBox(fallback[0], fallback[1], fallback[2], fallback[3]);
        AssertShare(expected.GetProperty("fallback_box_fraction").GetDouble(), boxes.Count(b => b == fallbackBox));
        AssertShare(expected.GetProperty("full_height_fraction").GetDouble(), boxes.Count(b => b.Height == height));
        AssertShare(expected.GetProperty("full_width_fraction").GetDouble(), boxes.Count(b => b.Width == width));
    }

    [Fact, Trait("Category", "Fixtures")]
    public void Operations_are_applied_as_often_as_recorded()
    {
        JsonElement applied = Recorded.GetProperty("frequencies").GetProperty("applied");
        double n = Recorded.GetProperty("frequencies").GetProperty("n").GetDouble();
        AugmentationSettings nothing = Nothing();

        AssertShare(
            applied.GetProperty("RandomHorizontalFlip 0.5").GetDouble() / n,
            Views(nothing with { FlipProbability = 0.5 }, view: 0, left: 10, right: 200).Count(v => v.Left == 200));
        AssertShare(
            applied.GetProperty("RandomApply 0.2 (solarize, view 2)").GetDouble() / n,
            Views(nothing with { SolarizeProbabilityB = 0.2 }, view: 1, left: 200, right: 200)
                .Count(v => v.Left == 55));
        AssertShare(
            applied.GetProperty("RandomApply 0.8 (colour jitter)").GetDouble() / n,
            Views(nothing with { JitterProbability = 0.8, Brightness = 0.4 }, view: 0, left: 250, right: 250)
                .Count(v => v.Left != 250),
            slack: 0.005); // a factor between 1 and 251/250 changes nothing
        List<(byte Left, byte Right)> viewA = Views(
            nothing with { SolarizeProbabilityB = 1 }, view: 0, left: 200, right: 200);
        Assert.All(viewA, v => Assert.Equal(200, v.Left));
    }

    // A flat image of 100 turns brightness into its factor, in steps of a hundredth.
    [Fact, Trait("Category", "Fixtures")]
    public void Brightness_factors_are_distributed_like_the_recorded_ones()
    {
        AugmentationSettings settings = Nothing() with { JitterProbability = 1, Brightness = 0.4 };
        AssertLike(
            Recorded.GetProperty("color_jitter").GetProperty("brightness"),
            Views(settings, view: 0, left: 100, right: 100).Select(v => (v.Left + 0.5) / 100),
            resolution: 0.01);
    }

    // 50 and 150 have the mean 100, and contrast makes their difference of 100 the factor, in hundredths.
    [Fact, Trait("Category", "Fixtures")]
    public void Contrast_factors_are_distributed_like_the_recorded_ones()
    {
        AugmentationSettings settings = Nothing() with { JitterProbability = 1, Contrast = 0.4 };
        AssertLike(
            Recorded.GetProperty("color_jitter").GetProperty("contrast"),
            Views(settings, view: 0, left: 50, right: 150).Select(v => (v.Right - v.Left) / 100.0),
            resolution: 0.01);
    }

    [Fact]
    public void Crop_boxes_are_always_inside_the_image() =>
        Prop.ForAll<PositiveInt, PositiveInt, int>((height, width, sample) =>
        {
            (int h, int w) = (height.Get, width.Get); // FsCheck begins with single rows and columns
            CropBox box = Crop(3, sample & int.MaxValue, h, w, new AugmentationSettings { OutputSize = 8 });
            return box.Top >= 0 && box.Left >= 0 && box.Height >= 1 && box.Width >= 1
                && box.Top + box.Height <= h && box.Left + box.Width <= w;
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 4000)] // only the fallback fits, and it is one row high
    [InlineData(4000, 1)]
    public void Extreme_images_have_crops_too(int height, int width)
    {
        CropBox box = Crop(3, 0, height, width, new AugmentationSettings { OutputSize = 8 });
        Assert.Equal((1, 1), (Math.Min(box.Height, box.Width), Math.Max(box.Height, box.Width)));
    }

    // A box of the whole image, of its own size: what happens to the pixels is the other operations' doing.
    private static AugmentationSettings Nothing() => new()
    {
        OutputSize = 2,
        MinCropArea = 1,
        MinAspectRatio = 1,
        MaxAspectRatio = 1,
        JitterProbability = 0,
        Brightness = 0,
        Contrast = 0,
        SolarizeProbabilityB = 0,
        FlipProbability = 0,
    };

    // Many views of one image [2, 2] whose columns are flat.
    private static List<(byte Left, byte Right)> Views(AugmentationSettings settings, int view, byte left, byte right)
    {
        byte[] image = [left, right, left, right];
        byte[] pixels = new byte[4];
        var augmenter = new ViewAugmenter(settings, seed: 5);
        var result = new List<(byte, byte)>();
        for (int sample = 0; sample < Draws; sample++)
        {
            augmenter.Augment(new ImageView(image, 2, 2, 1), epoch: 0, sample, view, pixels);
            result.Add((pixels[0], pixels[1]));
        }

        return result;
    }

    private static CropBox Crop(ulong seed, int sample, int height, int width, AugmentationSettings settings)
    {
        RandomSequence random = new RandomStream(seed, 0, sample, 0, RandomOperation.Crop).Sequence();
        return CropBox.Draw(ref random, height, width, settings);
    }

    // Mean and empirical distribution function, by the rules of the README beside the numbers.
    private static void AssertLike(JsonElement expected, IEnumerable<double> drawn, double resolution = 0)
    {
        double[] values = [.. drawn.Order()];
        if (expected.ValueKind == JsonValueKind.Null)
        {
            Assert.Empty(values);
            return;
        }

        double spread = Math.Sqrt((1.0 / values.Length) + (1.0 / expected.GetProperty("n").GetDouble()));
        double mean = expected.GetProperty("mean").GetDouble();
        double rounding = 1e-5 * Math.Max(1, Math.Abs(mean)); // of the recorded number
        double bound = (4 * expected.GetProperty("std").GetDouble() * spread) + rounding + (resolution / 2);
        Assert.InRange(values.Average(), mean - bound, mean + bound);
        foreach (JsonProperty quantile in expected.GetProperty("quantiles").EnumerateObject())
        {
            double p = double.Parse(quantile.Name, CultureInfo.InvariantCulture);
            double q = quantile.Value.GetDouble();
            double slack = (1e-5 * Math.Max(1, Math.Abs(q))) + resolution;
            double below = values.Count(value => value < q - slack) / (double)values.Length;
            double upTo = values.Count(value => value <= q + slack) / (double)values.Length;
            Assert.True(
                below - (2 * spread) <= p && p <= upTo + (2 * spread),
                $"quantile {p} is {q}, but {below} of the draws lie below and {upTo} not above it");
        }
    }

    private static void AssertShare(double expected, int count, double slack = 0)
    {
        double bound = (4 * Math.Sqrt(expected * (1 - expected) * 2 / Draws)) + slack;
        Assert.InRange(count / (double)Draws, expected - bound, expected + bound);
    }
}
