using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Checkpoints;
using CudaViT.Training.Evaluation;
using CudaViT.Training.Evaluation.Linear;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Runs.LinearProbing;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Evaluation;

public sealed class LinearProbeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");
    private readonly DatasetSplits _data;
    private readonly TrainedModel _model;
    private readonly LinearSettings _settings;

    public LinearProbeTests()
    {
        _data = new DatasetSplits(Images(51, seed: 1), Images(20, seed: 2));
        _model = TrainedModel.Open(
            ModelFile.Write(_folder["model"], _run.Backend, TinyRun.Settings.Model), _run.Backend);
        _settings = LinearSettings.For(_model.Settings.Model) with
        {
            Epochs = 6,
            Batch = 16,
            BaseLearningRates = [1, 100],
            CropMinimum = 0.7,
        };
    }

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_classifier_learns_and_every_epoch_is_kept()
    {
        var progress = new SilentWork();
        (LinearReport report, IReadOnlyList<NamedArray> classifier) =
            LinearProbe.Run(_model, _data, _settings with { Epochs = 30, BaseLearningRates = [1] }, progress)!;
        LinearRate rate = Assert.Single(report.Rates);
        Assert.Equal(1 * 16 / 256.0, rate.PeakLearningRate);
        Assert.Equal(Enumerable.Range(1, 30), rate.History.Select(score => score.Epoch));
        Assert.Equal(rate.History[^1], rate.Last);
        Assert.Equal(rate.History.Max(score => score.Top1), rate.Best.Top1);
        Assert.True(rate.History[^1].Loss < 0.8 * rate.History[0].Loss, $"{rate.History[0]} {rate.Last}");
        Assert.True(report.Top1 > 0.5, $"{report.Top1}"); // three classes
        Assert.Equal(1, report.Top5);
        Assert.Equal(30, progress.Lines.Count);
        Assert.Equal(1, progress.Share);
        Assert.Equal(["head.weight", "head.bias"], classifier.Select(named => named.Name));
        Assert.Equal([3, 16], classifier[0].Array.Shape);

        Assert.Equal(20, report.Confusion.Sum(row => row.Sum()));
        Assert.Equal(report.Top1, report.Classes.Sum(score => score.Images * score.Top1!.Value) / 20, 1e-12);
    }

    // A grid costs one pass and changes nothing: each rate ends in the bits that it would have alone.
    [Fact]
    public void Rates_do_not_touch_each_other_and_workers_do_not_matter()
    {
        LinearRate[] together = [.. Run(_settings).Rates];
        foreach (LinearRate rate in together)
        {
            LinearSettings one = _settings with { BaseLearningRates = [rate.BaseLearningRate], Workers = 3 };
            Assert.Equal(rate.History, Run(one).Rates.Single().History);
        }

        Assert.NotEqual(together[0].History, together[1].History);
    }

    // At a rate where one classifier overflows, the others are what they were.
    [Fact]
    public void A_rate_that_diverges_is_no_answer_and_harms_no_other()
    {
        LinearReport report = Run(_settings with { BaseLearningRates = [1e42, 1] });
        Assert.Null(report.Rates[0].Last.Loss);
        Assert.Equal(1, report.ChosenBaseLearningRate);
        Assert.Equal(Run(_settings with { BaseLearningRates = [1] }).Rates[0].History, report.Rates[1].History);
    }

    [Fact]
    public void The_encoder_is_proven_to_be_the_file()
    {
        LinearReport report = Run(_settings);
        Assert.Equal(_model.Encoder.BackboneLayout().Count, report.FrozenTensors);

        NdArray bias = _model.Encoder.BackboneState().Single(named => named.Name == "norm.bias").Array;
        float[] values = bias.ToArray<float>();
        values[3] = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(values[3]) ^ 1);
        bias.CopyFrom<float>(values);
        Assert.Contains("norm.bias", Assert.Throws<CheckpointException>(() => Run(_settings)).Message);
    }

    [Fact]
    public void A_damaged_image_is_left_out_and_listed()
    {
        var data = new DatasetSplits(new Damaging(_data.Train, 7), new Damaging(_data.HeldOut!, 3));
        LinearReport report = LinearProbe.Run(_model, data, _settings, new SilentWork())!.Report;
        Assert.Equal(["image 7", "image 3"], report.LeftOut.Select(image => image.Name));
        Assert.Equal(19, report.Confusion.Sum(row => row.Sum()));
    }

    [Fact]
    public void The_published_protocol_is_the_default()
    {
        LinearSettings vit = LinearSettings.For(ModelSettings.VitSmall);
        Assert.Equal((90, 1024, 256, 0.08), (vit.Epochs, vit.Batch, vit.TestShortSide, vit.CropMinimum));
        Assert.Contains(3, vit.BaseLearningRates);
        Assert.Contains(0.1, LinearSettings.For(ModelSettings.ResNet50).BaseLearningRates);
        Assert.Equal(28, LinearSettings.For(Presets.Quick.Model).TestShortSide);
    }

    [Fact]
    public void Answers_are_counted_with_ties_and_without_numbers()
    {
        var tally = new Tally(classes: 7);
        tally.Add([0, 9, 1, 2, 3, 4, 5], label: 1);                // right
        tally.Add([9, 9, 1, 2, 3, 4, 5], label: 1);                // a tie goes to the smaller class
        tally.Add([9, 8, 7, 6, 5, 4, 3], label: 4);                // fifth
        tally.Add([9, 8, 7, 6, 5, 4, 3], label: 5);                // sixth
        tally.Add([9, 8, 7, 6, 5, 5, 3], label: 5);                // sixth after a tie
        tally.Add([.. Enumerable.Repeat(double.NaN, 7)], label: 0); // no answer
        Assert.Equal(1 / 6.0, tally.Top1);
        Assert.Equal(3 / 6.0, tally.Top5);
        Assert.Equal([1, 1, 0, 0, 0, 0, 0], tally.Confusion[1]);
        ClassScore[] classes = [.. tally.Classes(["a", "b", "c", "d", "e", "f", "g"])];
        Assert.Equal(new ClassScore(1, "b", 2, 0.5, 1), classes[1]);
        Assert.Equal(new ClassScore(2, "c", 0, null, null), classes[2]);
    }

    // Three classes of stripes, of 1, 2 and 4 pixels: neither crops nor flips make one another.
    private static InMemoryDataset Images(int count, int seed)
    {
        const int Size = 8;
        var random = new Random(seed);
        byte[] labels = [.. Enumerable.Range(0, count).Select(i => (byte)(i % 3))];
        byte[] pixels = new byte[count * Size * Size];
        for (int i = 0; i < pixels.Length; i++)
        {
            int row = i / Size % Size;
            int width = 1 << labels[i / (Size * Size)];
            pixels[i] = (byte)((row / width % 2 * 180) + random.Next(75));
        }

        return new InMemoryDataset("stripes", pixels, Size, Size, 1, labels, 3, ["fine", "middle", "coarse"]);
    }

    private LinearReport Run(LinearSettings settings) =>
        LinearProbe.Run(_model, _data, settings, new SilentWork())!.Report;

    /// <summary>A data set one of whose images cannot be decoded.</summary>
    private sealed class Damaging(IImageDataset inner, int bad) : IImageDataset
    {
        public string Name => inner.Name;

        public int Count => inner.Count;

        public int Channels => inner.Channels;

        public int ClassCount => inner.ClassCount;

        public IReadOnlyList<string>? ClassNames => inner.ClassNames;

        public Normalization Normalization => inner.Normalization;

        public IReadOnlyList<DamagedImage> Damaged => [new($"image {bad}", "cut short")];

        public int Label(int index) => inner.Label(index);

        public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null) => index == bad
            ? throw new UndecodableImageException($"image {bad}")
            : inner.Read(index, scratch, scale);
    }
}
