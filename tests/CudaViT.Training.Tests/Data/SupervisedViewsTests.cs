using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Supervised;
using CudaViT.Data.Views;

namespace CudaViT.Training.Tests.Data;

public sealed class SupervisedViewsTests
{
    private static readonly SupervisedViews Views = new() { OutputSize = 12, Fill = [124, 116, 104] };

    private static DataLoaderSettings Settings => new() { BatchSize = 10, Seed = 9, Epochs = 2, Repeats = 3 };

    [Fact]
    public void Any_number_of_workers_gives_the_same_bits_and_an_epoch_goes_on_anywhere()
    {
        List<Delivered> expected = Collect(Images(3), Views, Settings);
        Assert.Equal(6, expected.Count);
        Assert.Equal(expected, Collect(Images(3), Views, Settings with { Workers = 3, PrefetchBatches = 1 }));
        Assert.Equal(expected[4..], Collect(Images(3), Views, Settings with { StartEpoch = 1, StartIteration = 1 }));
    }

    [Fact]
    public void An_epoch_has_images_three_times_in_different_views()
    {
        var batches = Collect(Images(3), Views, Settings)[..3];
        int[] samples = [.. batches.SelectMany(batch => batch.Samples)];
        Assert.Equal([0, 1, 2, 0, 1, 2], batches[0].Copies[..6]);
        Assert.Equal([1, 2, 0, 1], batches[1].Copies[..4]); // the batch of ten ended between two copies
        for (int i = 0; i < samples.Length; i += 3)
        {
            Assert.All(samples[i..(i + 3)], sample => Assert.Equal(samples[i], sample));
        }

        Assert.Equal(10, samples.Distinct().Count());
        byte[][] views = [.. batches[0].Views.Chunk(12 * 12 * 3)];
        Assert.NotEqual(views[0], views[1]);
        Assert.NotEqual(views[1], views[2]);
    }

    [Fact]
    public void Repeats_are_for_recipes_of_one_view() =>
        Assert.Throws<ArgumentOutOfRangeException>(
            () => new DataLoader(Images(3), new AugmentationSettings { OutputSize = 12 }, Settings));

    // What is grey stays grey, and where colours play no part the two agree.
    [Fact]
    public void A_grey_image_is_treated_like_its_colour_twin()
    {
        byte[] grey = new byte[20 * 24];
        new System.Random(2).NextBytes(grey);
        byte[] twin = [.. grey.SelectMany(v => new[] { v, v, v })];
        IViewMaker one = (Views with { Fill = [90] }).CreateMaker(5);
        IViewMaker three = (Views with { Fill = [90, 90, 90] }).CreateMaker(5);
        byte[] small = new byte[12 * 12];
        byte[] large = new byte[12 * 12 * 3];
        for (int sample = 0; sample < 200; sample++)
        {
            one.Augment(new ImageView(grey, 20, 24, 1), epoch: 0, sample, view: 0, small);
            three.Augment(new ImageView(twin, 20, 24, 3), epoch: 0, sample, view: 0, large);
            Assert.Equal(large, small.SelectMany(v => new[] { v, v, v }));
        }
    }

    [Fact]
    public void Colour_jitter_takes_the_place_of_RandAugment()
    {
        byte[] pixels = new byte[24 * 24 * 3];
        new System.Random(2).NextBytes(pixels);
        SupervisedViews none = Views with { RandAugment = null, ColorJitter = 0 };
        byte[] plain = View(none);
        Assert.Equal(plain, View(Views with { RandAugment = new RandAugmentSettings { Operations = 0 } }));
        byte[] jittered = View(Views with { RandAugment = null });
        Assert.NotEqual(plain, jittered);

        RandomSequence random = new RandomStream(5, 0, 3, 0, RandomOperation.ColorJitter).Sequence();
        ColorJitter.Draw(ref random, 0.4, 0.4, 0.4, 0).Apply(plain, 3);
        Assert.Equal(plain, jittered);

        byte[] View(SupervisedViews views)
        {
            byte[] view = new byte[12 * 12 * 3];
            views.CreateMaker(5).Augment(new ImageView(pixels, 24, 24, 3), epoch: 0, sample: 3, view: 0, view);
            return view;
        }
    }

    // Fifteen operations, each half of the time: chi-square with 15 degrees of freedom, 0.999 point 37.7.
    [Fact]
    public void Operations_are_equally_likely_and_strengths_lie_about_nine_tenths()
    {
        const int Draws = 32_000;
        int[] counts = new int[16];
        var angles = new List<double>();
        RandomSequence random = new RandomStream(1, 0, 0, 0, RandomOperation.RandAugment).Sequence();
        for (int i = 0; i < Draws; i++)
        {
            RandAugmentStep? step = RandAugmentStep.Draw(ref random, new RandAugmentSettings());
            counts[step is { } drawn ? (int)drawn.Operation : 15]++;
            if (step is { Operation: RandAugmentOperation.Rotate } turn)
            {
                angles.Add(turn.Value);
            }
        }

        double[] expected = [.. Enumerable.Repeat(Draws / 30.0, 15), Draws / 2.0];
        double chiSquare = counts.Zip(expected, (count, mean) => Math.Pow(count - mean, 2) / mean).Sum();
        Assert.True(chiSquare < 37.7, $"chi-square {chiSquare}");
        Assert.Equal(0, angles.Average(), 27 * 5 / Math.Sqrt(angles.Count));
        Assert.Equal(27, angles.Average(Math.Abs), 1.5 * 5 / Math.Sqrt(angles.Count)); // the cut at 30 is far away
        Assert.Equal(30, angles.Max(Math.Abs), 1.5);
    }

    [Theory]
    [InlineData(RandAugmentOperation.Posterize, 0.93, 1, 1)]
    [InlineData(RandAugmentOperation.Posterize, 1, 1, 0)]
    [InlineData(RandAugmentOperation.Solarize, 0.9, 1, 26)]
    [InlineData(RandAugmentOperation.SolarizeAdd, 0.9, 1, 99)]
    [InlineData(RandAugmentOperation.Contrast, 0.9, -1, 0.19)]
    [InlineData(RandAugmentOperation.ShearX, 0.9, -1, -0.27)]
    [InlineData(RandAugmentOperation.TranslateY, 1, 1, 0.45)]
    public void Strengths_are_the_published_ones(
        RandAugmentOperation operation, double level, int sign, double expected) =>
        Assert.Equal(expected, RandAugmentStep.Strength(operation, level, sign), 1e-12);

    // Areas are uniform where the shape always fits; half of the images are erased.
    [Fact]
    public void Erased_boxes_have_the_published_sizes_and_places()
    {
        const int Size = 224;
        RandomSequence random = new RandomStream(1, 0, 0, 0, RandomOperation.Erase).Sequence();
        var boxes = new List<CropBox>();
        for (int i = 0; i < 20_000; i++)
        {
            if (new ErasingSettings(0.5).Draw(ref random, Size) is { } box)
            {
                boxes.Add(box);
            }
        }

        Assert.Equal(10_000, boxes.Count, 5 * Math.Sqrt(5_000));
        double[] areas = [.. boxes.Select(box => (double)box.Height * box.Width / (Size * Size))];
        Assert.Equal((0.02 + (1.0 / 3)) / 2, areas.Average(), 0.01);
        Assert.InRange(areas.Min(), 0.019, 0.022);
        Assert.InRange(areas.Max(), 0.32, 0.336);
        double[] ratios = [.. boxes.Select(box => (double)box.Height / box.Width)];
        Assert.InRange(ratios.Min(), 0.28, 0.35);
        Assert.InRange(ratios.Max(), 1 / 0.35, 1 / 0.28);
        Assert.All(boxes, box => Assert.True(box.Top + box.Height <= Size && box.Left + box.Width <= Size));
        Assert.Contains(boxes, box => box.Top == 0);
        Assert.Contains(boxes, box => box.Left + box.Width == Size);
    }

    private static InMemoryDataset Images(int channels)
    {
        byte[] pixels = new byte[37 * 16 * 16 * channels];
        new System.Random(1).NextBytes(pixels);
        byte[] labels = [.. Enumerable.Range(0, 37).Select(i => (byte)(i % 5))];
        return new InMemoryDataset("noise", pixels, 16, 16, channels, labels, classCount: 5);
    }

    private static List<Delivered> Collect(IImageDataset images, SupervisedViews views, DataLoaderSettings settings)
    {
        using var loader = new DataLoader(images, views, settings);
        var all = new List<Delivered>();
        while (loader.TryNext(out ImageBatch? batch))
        {
            int[] copies = [.. Enumerable.Range(0, batch.Count).Select(batch.CopyOf)];
            all.Add(new Delivered([.. batch.Samples], copies, [.. batch.View(0)]));
            batch.Dispose();
        }

        return all;
    }

    private sealed record Delivered(int[] Samples, int[] Copies, byte[] Views)
    {
        public bool Equals(Delivered? other) => other is not null
            && Samples.SequenceEqual(other.Samples) && Views.SequenceEqual(other.Views);

        public override int GetHashCode() => Samples.Length;
    }
}
