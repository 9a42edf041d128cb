using System.Globalization;
using System.Text.Json;
using CudaViT.Data.Pixels;
using CudaViT.Data.Views;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using FsCheck;
using FsCheck.Fluent;

namespace CudaViT.Training.Tests.Data;

/// <summary>
/// Random parameters against draws of the reference samplers: two samples, which may differ as two samples do.
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
        double n = expected.GetProperty("n").GetDouble();
        AssertLike(
            expected.GetProperty("top_relative"),
            boxes.Where(b => b.Height < height).Select(b => (double)b.Top / (height - b.Height)),
            n);
        AssertLike(
            expected.GetProperty("left_relative"),
            boxes.Where(b => b.Width < width).Select(b => (double)b.Left / (width - b.Width)),
            n);

        int[] fallback = [.. expected.GetProperty("fallback_box").EnumerateArray().Select(v => v.GetInt32())];
        var fallbackBox = new CropBox(fallback[0], fallback[1], fallback[2], fallback[3]);
        AssertShare(Share("fallback_box_fraction"), n, boxes.Count(b => b == fallbackBox));
        AssertShare(Share("full_height_fraction"), n, boxes.Count(b => b.Height == height));
        AssertShare(Share("full_width_fraction"), n, boxes.Count(b => b.Width == width));

        double Share(string name) => expected.GetProperty(name).GetDouble();
    }

    [Fact, Trait("Category", "Fixtures")]
    public void Operations_are_applied_as_often_as_recorded()
    {
        JsonElement applied = Recorded.GetProperty("frequencies").GetProperty("applied");
        double n = Recorded.GetProperty("frequencies").GetProperty("n").GetDouble();
        AugmentationSettings nothing = Nothing();

        AssertShare(
            applied.GetProperty("RandomHorizontalFlip 0.5").GetDouble() / n,
            n,
            Views(nothing with { FlipProbability = 0.5 }, view: 0, left: 10, right: 200).Count(v => v.Left == 200));
        AssertShare(
            applied.GetProperty("RandomApply 0.2 (solarize, view 2)").GetDouble() / n,
            n,
            Views(nothing with { SolarizeProbabilityB = 0.2 }, view: 1, left: 200, right: 200)
                .Count(v => v.Left == 55));
        AssertShare(
            applied.GetProperty("RandomApply 0.8 (colour jitter)").GetDouble() / n,
            n,
            Views(nothing with { JitterProbability = 0.8, Brightness = 0.4 }, view: 0, left: 250, right: 250)
                .Count(v => v.Left != 250),
            slack: 0.005); // a factor between 1 and 251/250 changes nothing
        List<(byte Left, byte Right)> viewA = Views(
            nothing with { SolarizeProbabilityB = 1 }, view: 0, left: 200, right: 200);
        Assert.All(viewA, v => Assert.Equal(200, v.Left));
    }

    [Fact, Trait("Category", "Fixtures")]
    public void Jitter_is_distributed_like_the_recorded_one()
    {
        JsonElement expected = Recorded.GetProperty("color_jitter");
        AugmentationSettings settings = Like(expected.GetProperty("arguments"));
        ColorJitter[] drawn = [.. Plans(settings, view: 0).Select(plan => plan.Jitter!.Value)];
        AssertLike(expected.GetProperty("brightness"), drawn.Select(jitter => (double)jitter.Brightness));
        AssertLike(expected.GetProperty("contrast"), drawn.Select(jitter => (double)jitter.Contrast));
        AssertLike(expected.GetProperty("saturation"), drawn.Select(jitter => (double)jitter.Saturation));
        AssertLike(expected.GetProperty("hue"), drawn.Select(jitter => (double)jitter.Hue));

        // All 24 orders as often as any other: chi-square with 23 degrees of freedom, 0.999 point.
        ILookup<string, ColorJitter> orders = drawn.ToLookup(
            jitter => $"{(int)jitter.First}{(int)jitter.Second}{(int)jitter.Third}{(int)jitter.Fourth}");
        double each = Draws / 24.0;
        double chiSquare = expected.GetProperty("order_counts").EnumerateObject()
            .Sum(order => Math.Pow(orders[order.Name].Count() - each, 2) / each);
        Assert.InRange(chiSquare, 0, 49.7);

        // Independent of each other: a correlation of n draws has a deviation of 1 / sqrt(n).
        Func<ColorJitter, double>[] factors = [j => j.Brightness, j => j.Contrast, j => j.Saturation, j => j.Hue];
        for (int i = 0; i < factors.Length; i++)
        {
            for (int j = 0; j < i; j++)
            {
                double correlation = Correlation(drawn.Select(factors[i]), drawn.Select(factors[j]));
                Assert.InRange(correlation, -4 / Math.Sqrt(Draws), 4 / Math.Sqrt(Draws));
            }
        }
    }

    [Fact, Trait("Category", "Fixtures")]
    public void Blurs_are_as_frequent_and_as_strong_as_recorded()
    {
        JsonElement applied = Recorded.GetProperty("frequencies").GetProperty("applied");
        double n = Recorded.GetProperty("frequencies").GetProperty("n").GetDouble();
        var settings = new AugmentationSettings { OutputSize = 2 };
        float?[] first = [.. Plans(settings, view: 0).Select(plan => plan.BlurSigma)];
        float?[] second = [.. Plans(settings, view: 1).Select(plan => plan.BlurSigma)];
        AssertShare(
            applied.GetProperty("RandomApply 1.0 (blur, view 1)").GetDouble() / n,
            n,
            first.Count(sigma => sigma != null));
        AssertShare(
            applied.GetProperty("RandomApply 0.1 (blur, view 2)").GetDouble() / n,
            n,
            second.Count(sigma => sigma != null));
        AssertShare(
            applied.GetProperty("RandomGrayscale 0.2").GetDouble() / n,
            n,
            Plans(settings, view: 0).Count(plan => plan.Grayscale));
        AssertLike(
            Recorded.GetProperty("frequencies").GetProperty("blur_sigma"), first.Select(sigma => (double)sigma!));
    }

    // Whole views of a real image, by their statistics: what the parts' distributions cannot show is their order.
    [Theory, Trait("Category", "Fixtures")]
    [InlineData("view1", 0)]
    [InlineData("view2", 1)]
    public void Views_look_like_the_recorded_ones(string name, int view)
    {
        JsonElement expected = Recorded.GetProperty("views").GetProperty(name);
        using var file = SafetensorsFile.Open(Fixtures.File("augment", "augment.safetensors"));
        SafetensorsTensor image = file[$"image.{expected.GetProperty("image").GetString()}"];
        byte[] source = file.ReadBytes(image.Name);
        int size = expected.GetProperty("size").GetInt32();
        int count = expected.GetProperty("n").GetInt32();
        var augmenter = new ViewAugmenter(new AugmentationSettings { OutputSize = size }, seed: 8);
        var statistics = new Dictionary<string, List<double>>();
        byte[] pixels = new byte[size * size * 3];
        for (int sample = 0; sample < count; sample++)
        {
            augmenter.Augment(
                new ImageView(source, (int)image.Shape[0], (int)image.Shape[1], 3), epoch: 0, sample, view, pixels);
            foreach ((string statistic, double value) in Statistics(pixels, size))
            {
                statistics.TryAdd(statistic, []);
                statistics[statistic].Add(value);
            }
        }

        foreach (JsonProperty statistic in expected.GetProperty("per_view_statistic").EnumerateObject())
        {
            double mean = statistic.Value.GetProperty("mean").GetDouble();
            if (statistic.Name == "is_grey")
            {
                AssertShare(mean, count, (int)statistics[statistic.Name].Sum(), draws: count);
                continue;
            }

            double rounding = 1e-5 * Math.Max(1, Math.Abs(mean)); // of the recorded number
            double bound = (4 * Math.Sqrt(2) * statistic.Value.GetProperty("standard_error").GetDouble()) + rounding;
            Assert.InRange(statistics[statistic.Name].Average(), mean - bound, mean + bound);
        }
    }

    // What decides whether two samples may be of one sampler, itself: none against few, few against none, all but few.
    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(0, 1, true)]
    [InlineData(0, 8, true)]
    [InlineData(0, 30, false)]
    [InlineData(8, 0, true)]
    [InlineData(30, 0, false)]
    [InlineData(20_000, 20_000, true)]
    [InlineData(20_000, 19_995, true)]
    [InlineData(20_000, 19_960, false)]
    [InlineData(4_000, 4_200, true)]
    [InlineData(4_000, 4_400, false)]
    public void Two_samples_are_told_apart_by_their_counts(int recorded, int count, bool isAlike)
    {
        Exception? error = Record.Exception(() => AssertShare(recorded / 20_000.0, 20_000, count));
        Assert.Equal(isAlike, error is null);
    }

    [Fact]
    public void Extra_crops_have_sizes_areas_and_probabilities_of_their_own()
    {
        AugmentationSettings settings = Nothing() with
        {
            OutputSize = 8,
            ExtraCrops =
            [
                new ExtraCrops { Count = 2, Size = 6, BlurProbability = 1 },
                new ExtraCrops
                {
                    Count = 1,
                    Size = 4,
                    MinCropArea = 0.5,
                    MaxCropArea = 0.6,
                    BlurProbability = 0,
                    SolarizeProbability = 1,
                },
            ],
        };
        Assert.Equal(5, settings.ViewCount);
        Assert.Equal([8, 8, 6, 6, 4], Enumerable.Range(0, 5).Select(settings.SizeOf));
        Assert.Throws<ArgumentOutOfRangeException>(() => settings.SizeOf(5));
        for (int view = 2; view < 5; view++)
        {
            foreach (ViewPlan plan in Plans(settings, view).Take(200))
            {
                double area = plan.Crop.Height * plan.Crop.Width / 10_000.0;
                Assert.InRange(area, view < 4 ? 0.045 : 0.49, view < 4 ? 0.145 : 0.61);
                Assert.Equal((view < 4, view == 4), (plan.BlurSigma is not null, plan.Solarize));
            }
        }
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
        Saturation = 0,
        Hue = 0,
        GrayscaleProbability = 0,
        BlurProbabilityA = 0,
        BlurProbabilityB = 0,
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

    private static CropBox Crop(ulong seed, int sample, int height, int width, AugmentationSettings settings) =>
        ViewPlan.Draw(settings, seed, epoch: 0, sample, view: 0, height, width).Crop;

    private static IEnumerable<ViewPlan> Plans(AugmentationSettings settings, int view) =>
        Enumerable.Range(0, Draws).Select(sample => ViewPlan.Draw(settings, 12, epoch: 0, sample, view, 100, 100));

    private static AugmentationSettings Like(JsonElement arguments) => Nothing() with
    {
        JitterProbability = 1,
        Brightness = arguments[0].GetDouble(),
        Contrast = arguments[1].GetDouble(),
        Saturation = arguments[2].GetDouble(),
        Hue = arguments[3].GetDouble(),
    };

    private static double Correlation(IEnumerable<double> first, IEnumerable<double> second)
    {
        (double x, double y)[] pairs = [.. first.Zip(second)];
        (double meanX, double meanY) = (pairs.Average(pair => pair.x), pairs.Average(pair => pair.y));
        return pairs.Sum(pair => (pair.x - meanX) * (pair.y - meanY)) / Math.Sqrt(
            pairs.Sum(pair => Math.Pow(pair.x - meanX, 2)) * pairs.Sum(pair => Math.Pow(pair.y - meanY, 2)));
    }

    private static IEnumerable<(string Name, double Value)> Statistics(byte[] pixels, int size)
    {
        int plane = size * size;
        float[] planes = new float[pixels.Length];
        Normalization.ImageNet.Apply<float>(pixels, plane, planes);
        for (int channel = 0; channel < 3; channel++)
        {
            double[] values = [.. planes.Skip(channel * plane).Take(plane).Select(value => (double)value)];
            double mean = values.Average();
            yield return ($"mean_{"rgb"[channel]}", mean);
            yield return ($"std_{"rgb"[channel]}", Math.Sqrt(values.Average(v => (v - mean) * (v - mean))));
        }

        yield return ("abs_dx", Enumerable.Range(0, 3 * plane).Where(i => i % size != size - 1)
            .Average(i => (double)Math.Abs(planes[i + 1] - planes[i])));
        yield return ("abs_dy", Enumerable.Range(0, 3 * plane).Where(i => i % plane < plane - size)
            .Average(i => (double)Math.Abs(planes[i + size] - planes[i])));
        yield return ("is_grey", pixels.Chunk(3).All(pixel => pixel[0] == pixel[1] && pixel[1] == pixel[2]) ? 1 : 0);
    }

    // Mean and empirical distribution function, by the rules of the README beside the numbers. Where values exist for
    // some of the draws only, how many do is compared first; a few of them have no distribution to speak of.
    private static void AssertLike(
        JsonElement expected, IEnumerable<double> drawn, double? recordedDraws = null, double resolution = 0)
    {
        const int Few = 100;
        double[] values = [.. drawn.Order()];
        double n = expected.ValueKind == JsonValueKind.Null ? 0 : expected.GetProperty("n").GetDouble();
        if (recordedDraws is { } all)
        {
            AssertShare(n / all, all, values.Length);
        }

        if (Math.Min(n, values.Length) < Few)
        {
            Assert.True(recordedDraws is not null, $"{n} recorded values and {values.Length} drawn ones are too few.");
            return;
        }

        double spread = Math.Sqrt((1.0 / values.Length) + (1.0 / n));
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

    // Two samples of one share that nobody knows. Of the draws of both together some have the property; how many of
    // these are ours is hypergeometric, whatever the share is. Its own tails are compared, which are far from those of
    // a normal distribution where the counts are small.
    private static void AssertShare(
        double recordedShare, double recordedDraws, int count, double slack = 0, int draws = Draws)
    {
        const double Tail = 3e-5; // four standard deviations to one side
        int theirs = (int)recordedDraws;
        int having = (int)Math.Round(recordedShare * recordedDraws) + count;
        double expected = having * (double)draws / (draws + theirs);
        int nearest = count < expected
            ? Math.Min((int)expected, count + (int)(slack * draws))
            : Math.Max((int)Math.Ceiling(expected), count - (int)(slack * draws));
        double[] logFactorial = new double[draws + theirs + 1];
        for (int i = 1; i < logFactorial.Length; i++)
        {
            logFactorial[i] = logFactorial[i - 1] + Math.Log(i);
        }

        double LogChoose(int n, int k) => logFactorial[n] - logFactorial[k] - logFactorial[n - k];
        double Probability(int ours) => Math.Exp(
            LogChoose(draws, ours) + LogChoose(theirs, having - ours) - LogChoose(draws + theirs, having));
        (int least, int most) = (Math.Max(0, having - theirs), Math.Min(having, draws));
        double tail = nearest < expected
            ? Enumerable.Range(least, nearest - least + 1).Sum(Probability)
            : Enumerable.Range(nearest, most - nearest + 1).Sum(Probability);
        Assert.True(
            tail >= Tail, $"{count} of {draws} have it, and {recordedShare} of {theirs} recorded draws: chance {tail}");
    }
}
