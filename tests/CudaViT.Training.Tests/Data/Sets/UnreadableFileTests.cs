using System.Diagnostics;
using CudaViT.Data.Loading;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Training.Tests.Support;

namespace CudaViT.Training.Tests.Data.Sets;

/// <summary>A disk that fails is no property of an image: reading is tried again, and then stops.</summary>
public sealed class UnreadableFileTests
{
    private const int Count = 200;

    private static EncodedDataset Open(Files files, List<TimeSpan> pauses) =>
        new("files", files, classCount: 0, classNames: null, new SetFolder.FirstByte(), scales: false)
        {
            Pause = pause =>
            {
                lock (pauses)
                {
                    pauses.Add(pause);
                }
            },
        };

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_failure_that_passes_leaves_no_trace(int failures)
    {
        var pauses = new List<TimeSpan>();
        EncodedDataset images = Open(new Files(failures), pauses);
        Assert.Equal(7, images.Read(7, new ImageBuffer()).Pixels[0]);
        Assert.Empty(images.Damaged);
        Assert.Equal(failures, pauses.Count);
        Assert.Equal(pauses.Order(), pauses);
    }

    [SkippableFact]
    public async Task A_pipe_is_not_waited_for()
    {
        Skip.If(OperatingSystem.IsWindows(), "mkfifo is a program of Unix");
        using var folder = new TemporaryFolder();
        string pipe = folder["pipe.png"];
        using (Process make = Process.Start("mkfifo", [pipe]))
        {
            await make.WaitForExitAsync();
        }

        // On a thread of its own: where the file is opened, this never comes back.
        Task<Exception?> read = Task.Run(() => Record.Exception(
            () => { EncodedFile.Read(pipe, offset: 0, sizeInBytes: null, new ImageBuffer()); }))!;
        Assert.Same(read, await Task.WhenAny(read, Task.Delay(TimeSpan.FromMinutes(1))));
        Assert.Contains("no regular file", Assert.IsType<UndecodableImageException>(await read).Message);
    }

    [Fact]
    public void One_that_stays_is_an_error_and_not_a_damaged_image()
    {
        EncodedDataset images = Open(new Files(int.MaxValue), []);
        for (int times = 0; times < 2; times++)
        {
            var error = Assert.Throws<DatasetException>(() => images.Read(7, new ImageBuffer())); // not of a kind of it
            Assert.StartsWith("place/7.jpg: cannot be read, after 4 attempts (the cable is out)", error.Message);
        }

        Assert.Equal(8, images.Read(8, new ImageBuffer()).Pixels[0]);
        Assert.Empty(images.Damaged);
    }

    [Fact]
    public void It_stops_loaders_and_evaluations()
    {
        using var loader = new DataLoader(
            Open(new Files(int.MaxValue), []),
            new AugmentationSettings { OutputSize = 1 },
            new DataLoaderSettings { BatchSize = Count, Seed = 1, Epochs = 1, Workers = 3 });
        Assert.Contains("place/7.jpg: cannot", Assert.Throws<DatasetException>(() => loader.TryNext(out _)).Message);
        IEnumerable<ImageBatch> batches =
            EvaluationBatches.Enumerate(Open(new Files(int.MaxValue), []), imageSize: 1, batchSize: 10);
        Assert.Contains("place/7.jpg: cannot", Assert.Throws<DatasetException>(() => batches.Count()).Message);
    }

    [Fact]
    public void A_failure_that_passes_changes_no_batch()
    {
        Assert.Equal(Samples(0), Samples(3));

        static int[] Samples(int failures)
        {
            var pauses = new List<TimeSpan>();
            using var loader = new DataLoader(
                Open(new Files(failures), pauses),
                new AugmentationSettings { OutputSize = 1 },
                new DataLoaderSettings { BatchSize = Count, Seed = 1, Epochs = 1, Workers = 2 });
            Assert.True(loader.TryNext(out ImageBatch? batch));
            int[] samples = batch.Samples.ToArray();
            batch.Dispose();
            Assert.Equal(failures, pauses.Count);
            return samples;
        }
    }

    /// <summary>Files of one byte each, their number; number 7 fails some times.</summary>
    private sealed class Files(int failures) : IEncodedImages
    {
        private int _left = failures;

        public int Count => UnreadableFileTests.Count;

        public IReadOnlyList<int> ShardStarts => [0];

        public int Label(int index) => -1;

        public string NameOf(int index) => $"{index}.jpg";

        public string PathOf(int index) => $"place/{index}.jpg";

        public long SizeOf(int index) => 1;

        public ReadOnlySpan<byte> Load(int index, ImageBuffer scratch)
        {
            if (index == 7 && Interlocked.Decrement(ref _left) >= 0)
            {
                throw new IOException("the cable is out");
            }

            Span<byte> content = scratch.ReserveFile(1);
            content[0] = (byte)index;
            return content;
        }
    }
}
