using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Evaluation.Features;
using CudaViT.Training.Evaluation.Knn;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Evaluation;

public sealed class KnnMonitorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TestRun _run = Backends.Open("cpu");

    public void Dispose()
    {
        _run.Dispose();
        _folder.Dispose();
    }

    // Blocks of 3 into 7 rows: the third wraps around. One of 9 leaves its last 7.
    [Fact]
    public void The_bank_keeps_the_newest_rows_at_unit_length()
    {
        var bank = new FeatureBank(_run.Backend, capacity: 7, width: 2, DType.F64);
        Assert.Equal(0, bank.Count);
        Add(bank, 0, 3);
        Assert.Equal([0, 1, 2], bank.Labels.ToArray());
        Add(bank, 3, 3);
        Add(bank, 6, 3);
        Assert.Equal([7, 8, 2, 3, 4, 5, 6], bank.Labels.ToArray());
        AssertRows(bank);
        Add(bank, 20, 9);
        Assert.Equal(Enumerable.Range(22, 7), bank.Labels.ToArray().Order());
        AssertRows(bank);
    }

    [Fact]
    public void A_bank_that_was_saved_goes_on_as_the_other()
    {
        FeatureBank[] banks = [.. Enumerable.Range(0, 2).Select(_ => new FeatureBank(_run.Backend, 5, 2, DType.F32))];
        Add(banks[0], 0, 7);
        banks[1].Load(banks[0].State().ToDictionary(named => named.Name, named => named.Array));
        Array.ForEach(banks, bank => Add(bank, 7, 4));
        Assert.Equal(banks[0].Labels.ToArray(), banks[1].Labels.ToArray());
        TensorAssert.SameBits(banks[0].Features, banks[1].Features);

        var other = new FeatureBank(_run.Backend, 6, 2, DType.F32);
        Assert.Contains("knn.features", Assert.Throws<StateException>(
            () => other.Load(banks[0].State().ToDictionary(named => named.Name, named => named.Array))).Message);
    }

    // The same vote as the offline classifier's, by the rows of the bank.
    [Fact]
    public void It_measures_what_the_classifier_does_with_the_same_features()
    {
        TinyRun.WriteData(_folder["data"]);
        DatasetSplits data = DatasetLocator.Open(_folder["data"]);
        FeatureExtractor pixels = bytes =>
            NdArray.From(_run.Backend, bytes, [bytes.Length / 64, 64]).Cast(DType.F32);
        var settings = new EvaluationSettings
        {
            MonitorBankShare = 0.5,
            MonitorImages = 7,
            MonitorNeighbours = 3,
            Batch = 4,
        };
        var monitor = new KnnMonitor(data, _run.Backend, settings, imageSize: 8, width: 64, DType.F32);
        Assert.Throws<InvalidOperationException>(() => monitor.Measure(pixels, all: true));
        foreach (ImageBatch batch in EvaluationBatches.Enumerate(data.Train, imageSize: 8, batchSize: 25))
        {
            monitor.Bank.Add(pixels(batch.View(0)), batch.Labels);
        }

        Assert.Equal(25, monitor.Bank.Count); // half of 51
        ImageBatch heldOut = EvaluationBatches.Enumerate(data.HeldOut!, imageSize: 8, batchSize: 20).Single();
        KnnResult expected = new KnnClassifier(monitor.Bank.Features, monitor.Bank.Labels, classCount: 3)
            .Classify(pixels(heldOut.View(0)), k: 3);
        Assert.Equal((expected.Accuracy(heldOut.Labels), 20), monitor.Measure(pixels, all: true));
        Assert.Equal(7, monitor.Measure(pixels, all: false).Images);
    }

    private void Add(FeatureBank bank, int first, int count)
    {
        double[] values = [.. Enumerable.Range(first, count).SelectMany(i => (double[])[3 * (i + 1), 4 * (i + 1) * i])];
        bank.Add(
            _run.Array(values, [count, 2], bank.Features.DType), [.. Enumerable.Range(first, count)]);
    }

    // Row of label i: (3, 4i) over its length.
    private static void AssertRows(FeatureBank bank)
    {
        double[] rows = bank.Features.ToDoubles();
        for (int row = 0; row < bank.Count; row++)
        {
            double i = bank.Labels[row];
            double length = Math.Sqrt(9 + (16 * i * i));
            Assert.Equal(3 / length, rows[2 * row], 1e-12);
            Assert.Equal(4 * i / length, rows[(2 * row) + 1], 1e-12);
        }
    }
}
