using CudaViT.Core;
using CudaViT.Cuda;
using CudaViT.Data.Pixels;
using CudaViT.Data.Views;
using CudaViT.TestKit;

namespace CudaViT.Backend.Tests;

/// <summary>Views made by kernels against those made by the loader: every byte is the same.</summary>
public sealed class AugmentViewsTests
{
    private static readonly ColorJitter Jitter = new(
        ColorOperation.Brightness, ColorOperation.Contrast, ColorOperation.Saturation, ColorOperation.Hue, 1, 1, 1, 0);

    private static readonly CropBox Whole = new(0, 0, 17, 29);

    // Each operation by itself, at both ends of its range: a jitter of factors 1 without a turn changes nothing.
    private static readonly Dictionary<string, ViewPlan> Operations = new()
    {
        ["resize"] = Plan(),
        ["darker"] = Plan() with { Jitter = Jitter with { Brightness = 0.6f } },
        ["brighter"] = Plan() with { Jitter = Jitter with { Brightness = 1.4f } },
        ["black"] = Plan() with { Jitter = Jitter with { Brightness = 0 } },
        ["less contrast"] = Plan() with { Jitter = Jitter with { Contrast = 0.6f } },
        ["more contrast"] = Plan() with { Jitter = Jitter with { Contrast = 1.4f } },
        ["no contrast"] = Plan() with { Jitter = Jitter with { Contrast = 0 } },
        ["less saturation"] = Plan() with { Jitter = Jitter with { Saturation = 0.8f } },
        ["more saturation"] = Plan() with { Jitter = Jitter with { Saturation = 1.9f } },
        ["hue left"] = Plan() with { Jitter = Jitter with { Hue = -0.1f } },
        ["hue right"] = Plan() with { Jitter = Jitter with { Hue = 0.073f } },
        ["opposite hue"] = Plan() with { Jitter = Jitter with { Hue = 0.5f } },
        ["backwards"] = Plan() with
        {
            Jitter = new ColorJitter(
                ColorOperation.Hue, ColorOperation.Saturation, ColorOperation.Contrast, ColorOperation.Brightness,
                0.8f, 1.3f, 1.2f, 0.05f),
        },
        ["grey"] = Plan() with { Grayscale = true },
        ["faint blur"] = Plan() with { BlurSigma = 0.1f },
        ["blur"] = Plan() with { BlurSigma = 1.1f },
        ["strong blur"] = Plan() with { BlurSigma = 2 },
        ["blur wider than the view"] = Plan() with { BlurSigma = 30 },
        ["strongest blur"] = Plan() with { BlurSigma = (float)BoxBlur.MaxSigma },
        ["no blur"] = Plan() with { BlurSigma = 0 },
        ["solarize"] = Plan() with { Solarize = true },
        ["flip"] = Plan() with { Flip = true },
        ["all"] = Plan() with
        {
            Jitter = Jitter with { Brightness = 1.2f, Contrast = 0.7f, Saturation = 0.9f, Hue = 0.02f },
            Grayscale = true,
            BlurSigma = 0.7f,
            Solarize = true,
            Flip = true,
        },
    };

    public static TheoryData<string, int> Channels
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (string backend in Backends.Names)
            {
                data.Add(backend, 1);
                data.Add(backend, 3);
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Channels))]
    public void Each_operation_gives_the_loaders_bytes(string backend, int channels)
    {
        using TestRun run = Backends.Open(backend);
        PackedViews packed = new(channels);
        Picture image = Picture.Random(17, 29, channels, seed: 3);
        foreach (ViewPlan plan in Operations.Values)
        {
            packed.Add(image, plan);
        }

        // An odd size with room in every tile, and one that is a tile wide.
        AssertSame(run, packed, size: 13, [.. Operations.Keys]);
        AssertSame(run, packed, size: 32, [.. Operations.Keys]);
    }

    [Theory, MemberData(nameof(Channels))]
    public void Every_kind_of_crop_gives_the_loaders_bytes(string backend, int channels)
    {
        using TestRun run = Backends.Open(backend);
        Picture small = Picture.Random(11, 40, channels, seed: 4);
        Picture wide = Picture.Random(23, 300, channels, seed: 5);
        (Picture Image, CropBox Box)[] crops =
        [
            (small, new(10, 39, 1, 1)),   // one pixel, the last
            (small, new(3, 5, 2, 1)),     // enlarged, two rows
            (small, new(0, 0, 11, 40)),   // all of it
            (small, new(2, 3, 9, 33)),    // one way enlarged, the other way as it is
            (wide, new(0, 0, 23, 300)),   // many taps one way
            (wide, new(1, 70, 20, 229)),
            (Picture.Random(400, 3, channels, seed: 6), new(7, 1, 390, 2)),
            (Picture.Random(1, 1, channels, seed: 7), new(0, 0, 1, 1)),
        ];
        PackedViews packed = new(channels);
        foreach ((Picture image, CropBox box) in crops)
        {
            packed.Add(image, Plan() with { Crop = box, BlurSigma = 1, Flip = true });
        }

        // One pixel; just below, at and above the tiles of 32 columns and 64 rows.
        foreach (int size in (int[])[1, 31, 33, 65])
        {
            AssertSame(run, packed, size, [.. crops.Select(crop => $"{crop.Box}")]);
        }
    }

    // Pixels of every hue, also grey ones and such whose two largest channels are equal.
    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Colours_all_around_the_circle_turn_as_on_the_cpu(string backend)
    {
        using TestRun run = Backends.Open(backend);
        const int Size = 48;
        byte[] pixels = new byte[Size * Size * 3];
        byte[] levels = [0, 1, 2, 84, 85, 127, 128, 170, 171, 253, 254, 255, 31];
        for (int i = 0; i < Size * Size; i++)
        {
            (pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]) =
                (levels[i % 13], levels[i / 13 % 13], levels[i / 169 % 13]);
        }

        var image = new Picture(pixels, Size, Size, 3);
        PackedViews packed = new(3);
        float[] turns = [-0.5f, -0.1f, -0.004f, 0, 0.001f, 0.05f, 0.1f, 0.37f]; // 0.001 turns by no step, but rounds
        foreach (float turn in turns)
        {
            packed.Add(image, Plan() with { Crop = new(0, 0, Size, Size), Jitter = Jitter with { Hue = turn } });
        }

        AssertSame(run, packed, Size, [.. turns.Select(turn => $"turn by {turn}")]);
    }

    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void Drawn_views_of_a_batch_are_the_loaders(string backend)
    {
        using TestRun run = Backends.Open(backend);
        var settings = new AugmentationSettings { OutputSize = 40, SolarizeProbabilityA = 0.3, MaxBlurSigma = 4 };
        PackedViews packed = new(3);
        for (int sample = 0; sample < 40; sample++)
        {
            Picture image = Picture.Random(20 + sample, 100 - sample, 3, seed: sample);
            packed.Add(image, ViewPlan.Draw(settings, 1, 2, sample, sample % 2, image.Height, image.Width));
        }

        AssertSame(run, packed, settings.OutputSize, [.. Enumerable.Range(0, 40).Select(sample => $"sample {sample}")]);
    }

    // So many bytes to a row that a block has room for only a few of them.
    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void Large_views_are_the_loaders(string backend)
    {
        using TestRun run = Backends.Open(backend);
        PackedViews packed = new(3);
        packed.Add(
            Picture.Random(50, 60, 3, seed: 8), Operations["all"] with { Crop = new(3, 4, 40, 50), BlurSigma = 3 });
        AssertSame(run, packed, size: 900, ["large"]);
    }

    [Theory, MemberData(nameof(Backends.AllTypes), MemberType = typeof(Backends))]
    public void Numbers_are_those_of_NormalizeImages(string backend, DType dtype)
    {
        using TestRun run = Backends.Open(backend);
        PackedViews packed = new(3);
        packed.Add(Picture.Random(9, 12, 3, seed: 9), Plan() with { Crop = new(1, 2, 7, 8), BlurSigma = 0.6f });
        packed.Add(Picture.Random(9, 12, 3, seed: 10), Plan() with { Crop = new(0, 0, 9, 12), Solarize = true });
        NdArray images = NdArray.From<byte>(run.Backend, packed.Expected(10), [2, 10, 10, 3]);
        NdArray expected = NormalizeImages.Apply(
            images, [.. Normalization.ImageNet.Mean], [.. Normalization.ImageNet.Std], dtype).Data;
        NdArray views = NdArray.Empty(run.Backend, [2, 3, 10, 10], dtype);
        if (run.Backend is not IAugmentingBackend)
        {
            AssertRefused(packed, views);
            return;
        }

        packed.Render(views, [.. Normalization.ImageNet.Mean], [.. Normalization.ImageNet.Std]);
        Assert.Equal(expected.ToDoubles(), views.ToDoubles());
    }

    // With less memory for intermediate results, the views of a call are made in several groups.
    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void Groups_give_the_same_views_and_leave_no_memory_behind(string backend)
    {
        using IBackend device = Backends.New(backend);
        PackedViews packed = new(1);
        for (int i = 0; i < 11; i++)
        {
            packed.Add(Picture.Random(17, 29, 1, seed: i), Operations["all"] with { Crop = new(i % 5, i, 9, 9) });
        }

        using var scope = new StepScope();
        NdArray views = NdArray.Empty(device, [11, 1, 12, 12], DType.F32);
        if (device is not CudaBackend gpu)
        {
            AssertRefused(packed, views);
            return;
        }

        packed.Render(views, [0], [1 / 255f]);
        byte[] whole = PackedViews.Bytes(views);
        gpu.ViewWorkBytes = 4 * 12 * 12;
        long before = device.Memory.LiveBytes;
        packed.Render(views, [0], [1 / 255f]);
        Assert.Equal(whole, PackedViews.Bytes(views));
        Assert.Equal(packed.SizeInBytes, device.Memory.LiveBytes - before, tolerance: 1 << 10); // the pixels alone
    }

    [Theory, MemberData(nameof(Backends.All), MemberType = typeof(Backends))]
    public void Bad_arguments_are_named(string backend)
    {
        using TestRun run = Backends.Open(backend);
        NdArray pixels = run.Integers([60], DType.U8, seed: 1, end: 256);
        NdArray views = NdArray.Empty(run.Backend, [1, 3, 4, 4], DType.F32);
        if (run.Backend is not IAugmentingBackend device)
        {
            Assert.Contains("makes no views", Message(views, pixels, new(0, 6, 2, 2)), StringComparison.Ordinal);
            return;
        }

        Assert.Contains("not inside 60 bytes", Message(views, pixels, new(56, 6, 1, 2)), StringComparison.Ordinal);
        Assert.Contains("not inside", Message(views, pixels, new(0, 6, 11, 2)), StringComparison.Ordinal);
        Assert.Contains("not inside", Message(views, pixels, new(-1, 6, 1, 1)), StringComparison.Ordinal);
        Assert.Contains("not inside", Message(views, pixels, new(0, 6, 2, 3)), StringComparison.Ordinal);
        Assert.Contains(
            "must be U8", Message(views, pixels.Cast(DType.F32), new(0, 6, 2, 2)), StringComparison.Ordinal);
        Assert.Contains("[1, 1 or 3, S, S]", Message(pixels, pixels, new(0, 6, 2, 2)), StringComparison.Ordinal);
        int most = device.LargestView(3);
        Assert.Equal(7168, most);
        NdArray large = NdArray.Empty(run.Backend, [0, 3, most + 1, most + 1], DType.F32);
        Assert.Contains(
            "1 to 7168",
            Assert.Throws<ArgumentException>(() => AugmentViews.Apply(large, pixels, [], [0, 0, 0], [1, 1, 1])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "positive deviations",
            Assert.Throws<ArgumentException>(
                () => AugmentViews.Apply(views, pixels, [new(0, 6, 2, 2)], [0, 0, 0], [1, 0, 1])).Message,
            StringComparison.Ordinal);

        static string Message(NdArray views, NdArray pixels, ViewTransform transform) =>
            Assert.Throws<ArgumentException>(
                () => AugmentViews.Apply(views, pixels, [transform], [0, 0, 0], [1, 1, 1])).Message;
    }

    // On the CPU, the loader makes the views, and these are the reference.
    private static void AssertRefused(PackedViews packed, NdArray views) => Assert.Contains(
        "makes no views",
        Assert.Throws<ArgumentException>(() => packed.Render(views, [], [])).Message,
        StringComparison.Ordinal);

    private static ViewPlan Plan() => new(Whole, null, Grayscale: false, BlurSigma: null, Solarize: false, Flip: false);

    private static void AssertSame(TestRun run, PackedViews packed, int size, string[] names)
    {
        NdArray views = NdArray.Empty(run.Backend, [names.Length, packed.Channels, size, size], DType.F32);
        if (run.Backend is not IAugmentingBackend)
        {
            AssertRefused(packed, views);
            return;
        }

        packed.Render(views, new float[packed.Channels], [.. Enumerable.Repeat(1 / 255f, packed.Channels)]);
        byte[] actual = PackedViews.Bytes(views);
        byte[] expected = packed.Expected(size);
        int each = size * size * packed.Channels;
        for (int i = 0; i < names.Length; i++)
        {
            int different = expected.AsSpan(i * each, each).CommonPrefixLength(actual.AsSpan(i * each, each));
            Assert.True(different == each, $"{names[i]}, {size} pixels wide: byte {different} is another one.");
        }
    }
}
