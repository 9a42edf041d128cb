using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;

namespace CudaViT.Training.Tests.Data;

public sealed class DataLoaderTests
{
    private static readonly AugmentationSettings Augmentation = new() { OutputSize = 12 };

    // 37 images in batches of 10: seven are left over each epoch, and no chunk of samples divides a batch.
    private static DataLoaderSettings Settings => new() { BatchSize = 10, Seed = 9, Epochs = 3 };

    private static InMemoryDataset Dataset(int count = 37)
    {
        byte[] pixels = new byte[count * 16 * 16 * 3];
        new System.Random(1).NextBytes(pixels);
        byte[] labels = [.. Enumerable.Range(0, count).Select(i => (byte)(i % 5))];
        return new InMemoryDataset("noise", pixels, 16, 16, 3, labels, classCount: 5);
    }

    private static List<Delivered> Collect(IImageDataset dataset, DataLoaderSettings settings)
    {
        using var loader = new DataLoader(dataset, Augmentation, settings);
        var all = new List<Delivered>();
        while (loader.TryNext(out ImageBatch? batch))
        {
            all.Add(Delivered.Copy(batch));
            batch.Dispose();
        }

        return all;
    }

    [Fact]
    public void Any_number_of_workers_gives_the_same_bits()
    {
        List<Delivered> expected = Collect(Dataset(), Settings with { Workers = 1 });
        Assert.Equal(9, expected.Count);
        foreach ((int? workers, int prefetch) in new (int?, int)[] { (2, 1), (2, 4), (5, 2), (null, 2) })
        {
            DataLoaderSettings settings = Settings with
            {
                Workers = workers,
                ComputeThreads = 0, // where their number is not given, one on every processor
                PrefetchBatches = prefetch,
            };
            Assert.Equal(expected, Collect(Dataset(), settings));
        }
    }

    [Fact]
    public void Batches_come_in_order_and_no_sample_twice_in_an_epoch()
    {
        List<Delivered> batches = Collect(Dataset(), Settings with { Workers = 3 });
        Assert.Equal(
            [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1), (2, 2)],
            batches.Select(batch => (batch.Epoch, batch.Iteration)));
        foreach (IGrouping<int, Delivered> epoch in batches.GroupBy(batch => batch.Epoch))
        {
            int[] samples = [.. epoch.SelectMany(batch => batch.Samples)];
            Assert.Equal(30, samples.Distinct().Count());
            Assert.All(samples, sample => Assert.InRange(sample, 0, 36));
        }

        Assert.NotEqual(batches[0].Samples, batches[3].Samples); // each epoch has an order of its own
        Assert.All(batches, batch => Assert.Equal(batch.Samples.Select(sample => sample % 5), batch.Labels));
    }

    // Batches of 10 out of 37, with one view: 10, 10, 10, 7, and the same views as with all of them.
    [Fact]
    public void The_rest_can_be_kept_and_views_left_out()
    {
        DataLoaderSettings settings = Settings with { KeepsRest = true, Views = 1, Epochs = 2 };
        List<Delivered> batches = Collect(Dataset(), settings with { Workers = 3 });
        Assert.Equal([10, 10, 10, 7, 10, 10, 10, 7], batches.Select(batch => batch.Samples.Length));
        Assert.Equal(Enumerable.Range(0, 37), batches.Take(4).SelectMany(batch => batch.Samples).Order());
        Assert.Equal(batches, Collect(Dataset(), settings));
        Assert.Equal(Collect(Dataset(), Settings)[0].Views[0], batches[0].Views[0]);
        Assert.Single(batches[0].Views);
        Assert.Equal(7, Collect(Dataset(7), settings)[0].Samples.Length); // fewer than a batch

        List<Delivered> resumed = Collect(Dataset(), settings with { StartIteration = 3 });
        Assert.Equal(batches.Skip(3), resumed);
    }

    [Fact]
    public void Views_are_the_augmenters_own_and_differ_from_each_other()
    {
        InMemoryDataset dataset = Dataset();
        Delivered batch = Collect(dataset, Settings with { Workers = 2 })[4];
        var augmenter = new ViewAugmenter(Augmentation, Settings.Seed);
        byte[] expected = new byte[12 * 12 * 3];
        for (int position = 0; position < batch.Samples.Length; position++)
        {
            for (int view = 0; view < 2; view++)
            {
                ImageView image = dataset.Read(batch.Samples[position], new ImageBuffer());
                augmenter.Augment(image, batch.Epoch, batch.Samples[position], view, expected);
                Assert.Equal(expected, batch.Views[view].AsSpan(position * expected.Length, expected.Length).ToArray());
            }
        }

        Assert.NotEqual(batch.Views[0], batch.Views[1]);
    }

    [Fact]
    public void Extra_crops_come_as_further_views_of_their_own_size()
    {
        InMemoryDataset dataset = Dataset();
        AugmentationSettings augmentation = Augmentation with
        {
            ExtraCrops = [new ExtraCrops { Count = 2, Size = 6 }],
        };
        using var loader = new DataLoader(dataset, augmentation, Settings with { Workers = 2 });
        Assert.True(loader.TryNext(out ImageBatch? batch));
        Assert.Equal([12, 12, 6, 6], Enumerable.Range(0, batch.ViewCount).Select(batch.SizeOf));
        var augmenter = new ViewAugmenter(augmentation, Settings.Seed);
        byte[] expected = new byte[6 * 6 * 3];
        for (int view = 2; view < 4; view++)
        {
            ImageView image = dataset.Read(batch.Samples[7], new ImageBuffer());
            augmenter.Augment(image, batch.Epoch, batch.Samples[7], view, expected);
            Assert.Equal(expected, batch.View(view).Slice(7 * expected.Length, expected.Length).ToArray());
        }

        Delivered alone = Collect(dataset, Settings)[0]; // A and B do not change for them
        Assert.Equal(alone.Views[0], batch.View(0).ToArray());
        Assert.Equal(alone.Views[1], batch.View(1).ToArray());
    }

    // In the middle of an epoch, at its first batch, after its last one, and past the end.
    [Theory]
    [InlineData(0, 2)]
    [InlineData(1, 0)]
    [InlineData(1, 3)]
    [InlineData(3, 0)]
    public void A_resumed_loader_goes_on_where_the_other_would_be(int epoch, int iteration)
    {
        List<Delivered> whole = Collect(Dataset(), Settings);
        DataLoaderSettings resumed = Settings with { StartEpoch = epoch, StartIteration = iteration, Workers = 2 };
        List<Delivered> rest = Collect(Dataset(), resumed);
        Assert.Equal(whole.Skip((epoch * 3) + iteration), rest);
    }

    [Fact]
    public void The_seed_changes_order_and_views()
    {
        Delivered one = Collect(Dataset(10), Settings)[0];
        Delivered other = Collect(Dataset(10), Settings with { Seed = Settings.Seed + (1UL << 32) })[0];
        Assert.NotEqual(one.Samples, other.Samples);
        Assert.NotEqual(one.Views[0], other.Views[0]);
    }

    [Fact]
    public void An_error_in_a_worker_reaches_the_consumer_unchanged_when_its_batch_is_due()
    {
        InMemoryDataset images = Dataset();
        int bad = Collect(images, Settings)[1].Samples[3];
        for (int workers = 1; workers <= 5; workers += 2)
        {
            using var loader = new DataLoader(
                new Faulty(images, bad), Augmentation, Settings with { Workers = workers });
            Assert.True(loader.TryNext(out ImageBatch? first));
            first.Dispose();
            Assert.Equal($"image {bad}", Assert.Throws<DatasetException>(() => loader.TryNext(out _)).Message);
            Assert.Throws<DatasetException>(() => loader.TryNext(out _));
        }
    }

    [Fact]
    public void Disposing_stops_workers_that_are_busy_and_workers_that_wait()
    {
        var slow = new Slow(Dataset(), TimeSpan.FromMilliseconds(100));
        var busy = new DataLoader(slow, Augmentation, Settings with { BatchSize = 37, Epochs = 1000, Workers = 2 });
        Thread.Sleep(150);
        int before = slow.Reads;
        busy.Dispose();
        int after = slow.Reads;
        Assert.InRange(after - before, 0, 6); // each worker ends the sample it is at, not its chunk of eight
        Thread.Sleep(250);
        Assert.Equal(after, slow.Reads);

        var waiting = new DataLoader(Dataset(), Augmentation, Settings with { Epochs = 1000, Workers = 2 });
        Thread.Sleep(50); // by now all buffers are full
        waiting.Dispose();
        Assert.Throws<ObjectDisposedException>(() => waiting.TryNext(out _));
    }

    [Fact]
    public void Steady_state_recycles_its_batches_and_allocates_nothing()
    {
        var meter = new Meter(Dataset());
        using var loader = new DataLoader(meter, Augmentation, Settings with { Epochs = 1000 });
        var batches = new HashSet<ImageBatch>();
        var consumer = new List<long>();
        for (int i = 0; i < 600; i++)
        {
            if (i % 150 == 0)
            {
                consumer.Add(GC.GetAllocatedBytesForCurrentThread());
            }

            Assert.True(loader.TryNext(out ImageBatch? batch));
            batches.Add(batch);
            batch.Dispose();
        }

        consumer.Add(GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(Settings.PrefetchBatches + 1, batches.Count);

        // 150 batches of 8,640 bytes; what one of them takes is the allowance for the runtime's own. The runtime now
        // and then allocates more on whatever thread it is on, the loader would in every window: the smallest counts.
        Assert.InRange(Enumerable.Range(1, 3).Min(window => consumer[window + 1] - consumer[window]), 0, 8640);
        Assert.InRange(
            Enumerable.Range(1, 3).Min(window => meter.Allocated(1500 * window, 1500 * (window + 1))), 0, 8640);
    }

    [Fact]
    public void Time_spent_waiting_is_measured()
    {
        var slow = new Slow(Dataset(), TimeSpan.FromMilliseconds(60));
        using var loader = new DataLoader(slow, Augmentation, Settings);
        Assert.Equal(TimeSpan.Zero, loader.TimeWaited);
        Assert.True(loader.TryNext(out _));
        // Ten images of 60 ms, less what the worker was ahead: half a second, should this thread have to wait for a
        // core.
        Assert.InRange(loader.TimeWaited, TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(60));
    }

    [Fact]
    public void Asking_without_waiting_gives_the_same_batches_and_leaves_errors_to_the_one_who_waits()
    {
        List<Delivered> expected = Collect(Dataset(), Settings);
        using (var loader = new DataLoader(Dataset(), Augmentation, Settings with { Workers = 2 }))
        {
            var all = new List<Delivered>();
            while (all.Count < expected.Count)
            {
                if (loader.TryNextReady(out ImageBatch? batch))
                {
                    all.Add(Delivered.Copy(batch));
                    batch.Dispose();
                }
            }

            Assert.Equal(expected, all);
            Assert.False(loader.TryNextReady(out _));
            Assert.False(loader.TryNext(out _));
        }

        using var broken = new DataLoader(
            new Faulty(Dataset(), expected[1].Samples[3]), Augmentation, Settings);
        Assert.True(broken.TryNext(out ImageBatch? first));
        first.Dispose();
        Assert.Throws<DatasetException>(() => broken.TryNext(out _));
        Assert.False(broken.TryNextReady(out _));
    }

    [Fact]
    public void Batches_live_where_the_settings_say()
    {
        var buffers = new List<HostBuffer>();
        DataLoaderSettings settings = Settings with
        {
            Allocate = size =>
            {
                buffers.Add(HostBuffer.Managed(size));
                return buffers[^1];
            },
        };
        using var loader = new DataLoader(Dataset(), Augmentation, settings);
        Assert.True(loader.TryNext(out ImageBatch? batch));
        Assert.Equal(2 * (Settings.PrefetchBatches + 1), buffers.Count);
        Assert.Contains(batch.BufferOf(1), buffers);
        Assert.True(batch.BufferOf(1).Bytes[..batch.ViewSizeInBytes(1)].SequenceEqual(batch.View(1)));
    }

    [Fact]
    public void Keeping_every_batch_is_an_error_and_not_a_deadlock()
    {
        using var loader = new DataLoader(Dataset(), Augmentation, Settings with { PrefetchBatches = 1 });
        Assert.True(loader.TryNext(out ImageBatch? first));
        Assert.True(loader.TryNext(out _));
        Assert.Throws<InvalidOperationException>(() => loader.TryNext(out _));
        first.Dispose();
        first.Dispose(); // twice does no harm
        Assert.True(loader.TryNext(out _));
    }

    [Fact]
    public void Fewer_images_than_a_batch_are_refused()
    {
        var error = Assert.Throws<DatasetException>(() => new DataLoader(Dataset(9), Augmentation, Settings));
        Assert.Contains("9 images", error.Message);
        Assert.Contains("batch of 10", error.Message);
    }

    [Fact]
    public void Settings_out_of_range_are_refused()
    {
        foreach (DataLoaderSettings wrong in new[]
        {
            Settings with { Workers = 0 },
            Settings with { BatchSize = 0 },
            Settings with { PrefetchBatches = 0 },
            Settings with { StartIteration = 4 },
        })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new DataLoader(Dataset(), Augmentation, wrong));
        }
    }

    // 37 in batches of 16: the last one has five.
    [Fact]
    public void Evaluation_delivers_every_image_once_in_order_and_untouched()
    {
        InMemoryDataset dataset = Dataset();
        int next = 0;
        foreach (ImageBatch batch in EvaluationBatches.Enumerate(dataset, imageSize: 16, batchSize: 16))
        {
            for (int position = 0; position < batch.Count; position++, next++)
            {
                Assert.Equal((next, next % 5), (batch.Samples[position], batch.Labels[position]));
                ReadOnlySpan<byte> expected = dataset.Read(next, new ImageBuffer()).Pixels;
                Assert.True(expected.SequenceEqual(batch.View(0).Slice(position * 768, 768)));
            }
        }

        Assert.Equal(37, next);
    }

    private sealed record Delivered(int Epoch, int Iteration, int[] Samples, int[] Labels, byte[][] Views)
    {
        public static Delivered Copy(ImageBatch batch) => new(
            batch.Epoch,
            batch.Iteration,
            batch.Samples.ToArray(),
            batch.Labels.ToArray(),
            [.. Enumerable.Range(0, batch.ViewCount).Select(view => batch.View(view).ToArray())]);

        public bool Equals(Delivered? other) =>
            other is not null && (Epoch, Iteration) == (other.Epoch, other.Iteration)
            && Samples.SequenceEqual(other.Samples) && Labels.SequenceEqual(other.Labels)
            && Views.Length == other.Views.Length
            && Views.Zip(other.Views).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

        public override int GetHashCode() => HashCode.Combine(Epoch, Iteration);
    }

    /// <summary>Another data set with something between it and its images.</summary>
    private abstract class Wrapper(IImageDataset inner) : IImageDataset
    {
        public string Name => inner.Name;

        public int Count => inner.Count;

        public int Channels => inner.Channels;

        public int ClassCount => inner.ClassCount;

        public IReadOnlyList<string>? ClassNames => inner.ClassNames;

        public Normalization Normalization => inner.Normalization;

        public int Label(int index) => inner.Label(index);

        public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null)
        {
            OnRead(index);
            return inner.Read(index, scratch, scale);
        }

        protected abstract void OnRead(int index);
    }

    private sealed class Faulty(IImageDataset inner, int bad) : Wrapper(inner)
    {
        protected override void OnRead(int index)
        {
            if (index == bad)
            {
                throw new DatasetException($"image {index}");
            }
        }
    }

    private sealed class Slow(IImageDataset inner, TimeSpan delay) : Wrapper(inner)
    {
        private int _reads;

        public int Reads => _reads;

        protected override void OnRead(int index)
        {
            Interlocked.Increment(ref _reads);
            Thread.Sleep(delay);
        }
    }

    /// <summary>Notes what the one worker has allocated so far, at each image it reads.</summary>
    private sealed class Meter(IImageDataset inner) : Wrapper(inner)
    {
        private readonly long[] _allocated = new long[Settings.BatchSize * 1000];
        private int _reads;

        public long Allocated(int from, int to) => _allocated[to - 1] - _allocated[from - 1];

        protected override void OnRead(int index) => _allocated[_reads++] = GC.GetAllocatedBytesForCurrentThread();
    }
}
