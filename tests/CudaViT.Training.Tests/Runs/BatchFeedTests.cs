using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.TestKit;
using CudaViT.Training.Models;
using CudaViT.Training.Runs.Feeding;
using CudaViT.Training.Settings;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Runs;

public sealed class BatchFeedTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TrainSettings _settings;
    private readonly IImageDataset _images;

    public BatchFeedTests()
    {
        TinyRun.WriteData(_folder["data"]);
        _settings = TinyRun.Settings.WithEpochs(2);
        _images = DatasetLocator.Open(_folder["data"]).Train;
    }

    public void Dispose() => _folder.Dispose();

    // Sent ahead always, never, and now and then: at every step what the loader and the plain copy give.
    [Theory, MemberData(nameof(Backends.Models), MemberType = typeof(Backends))]
    public void Batches_are_the_loaders_whether_they_were_sent_ahead_or_not(string backend)
    {
        IBackend device = Backends.Get(backend);
        using var waits = new Feeder(_settings, _images, device, step => false);
        using var runsAhead = new Feeder(_settings, _images, device, step => true);
        using var mixed = new Feeder(_settings, _images, device, step => step % 3 == 1);
        var input = new ImageInput(_settings, device, _images.Normalization);
        using DataLoader loader = Loader();
        while (loader.TryNext(out ImageBatch? expected))
        {
            using (expected)
            {
                foreach (Feeder feeder in (Feeder[])[waits, runsAhead, mixed])
                {
                    using var scope = new StepScope();
                    (float[] first, float[] second) = feeder.Next(expected);
                    Assert.Equal(input.ToTensor(expected.View(0)).Data.ToArray<float>(), first);
                    Assert.Equal(input.ToTensor(expected.View(1)).Data.ToArray<float>(), second);
                }
            }
        }

        Assert.True(waits.IsAtEnd && runsAhead.IsAtEnd && mixed.IsAtEnd);
        Assert.Equal(0, waits.SentAhead);
        Assert.Equal((2 * TinyRun.StepsPerEpoch) - 1, runsAhead.SentAhead);
    }

    [Fact]
    public void A_batch_that_was_sent_ahead_is_not_waited_for()
    {
        using var feed = BatchFeed.OfPairs(_images, _settings, Backends.Get(Backends.Cpu));
        using var scope = new StepScope();
        Assert.True(feed.TryNext(out DeviceBatch? batch));
        _ = batch.View(0);
        TimeSpan waited = feed.TimeWaited;
        SpinWait.SpinUntil(() => IsSent(feed), TimeSpan.FromSeconds(10));
        Assert.True(feed.TryNext(out batch));
        Assert.Equal(1, batch.Iteration);
        Assert.InRange(feed.TimeWaited - waited, TimeSpan.Zero, TimeSpan.FromMilliseconds(20));

        static bool IsSent(BatchFeed feed)
        {
            feed.SendAhead();
            return feed.IsNextOnItsWay;
        }
    }

    private DataLoader Loader() => new(
        _images,
        _settings.Views.ToAugmentation(_settings.Model.ImageSize, _settings.Recipe.CropMinimum),
        new DataLoaderSettings
        {
            BatchSize = _settings.Recipe.Batch,
            Seed = _settings.Seed,
            Epochs = _settings.Recipe.Epochs,
        });

    /// <summary>A feed that is asked to send the next batch ahead after some of the steps.</summary>
    private sealed class Feeder(
        TrainSettings settings, IImageDataset images, IBackend backend, Predicate<int> sendsAhead) : IDisposable
    {
        private readonly BatchFeed _feed = BatchFeed.OfPairs(images, settings, backend);
        private int _step;

        public int SentAhead { get; private set; }

        public bool IsAtEnd => !_feed.TryNext(out _);

        public (float[] First, float[] Second) Next(ImageBatch expected)
        {
            Assert.True(_feed.TryNext(out DeviceBatch? batch));
            Assert.Equal((expected.Epoch, expected.Iteration), (batch.Epoch, batch.Iteration));
            Assert.Equal(expected.Labels, batch.Labels);
            (Tensor first, Tensor second) = (batch.View(0), batch.View(1));
            bool isLast = (expected.Epoch + 1) * (expected.Iteration + 1) == 2 * TinyRun.StepsPerEpoch;
            if (sendsAhead(_step++) && !isLast)
            {
                SpinWait.SpinUntil(Send, TimeSpan.FromSeconds(10));
                SentAhead++;
                Assert.Equal(expected.Labels, batch.Labels); // the batch in use stays as it is
            }

            return (first.Data.ToArray<float>(), second.Data.ToArray<float>());
        }

        public void Dispose() => _feed.Dispose();

        private bool Send()
        {
            _feed.SendAhead();
            return _feed.IsNextOnItsWay;
        }
    }
}
