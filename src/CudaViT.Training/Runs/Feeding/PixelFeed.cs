using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using CudaViT.Core;
using CudaViT.Training.Data;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs;

/// <summary>
/// Brings pixels to the device: those of views that the loader's threads have made, or of decoded images, of which the
/// device makes the same views.
/// </summary>
/// <remarks>
/// One set of slots is enough for a batch to travel while the last one is worked on, because a step reads the pixels
/// at its beginning only. The loader gets its memory back as soon as the device has read it.
/// </remarks>
public sealed class PixelFeed : IBatchFeed
{
    private readonly DataLoader _loader;
    private readonly ViewUpload _upload;
    private Batch _current;
    private Batch _next;
    private ImageBatch? _leaving; // the device may still be reading it
    private TimeSpan _waitedForDevice;

    /// <summary>Starts a loader, and makes the slots.</summary>
    /// <param name="dataset">Training images.</param>
    /// <param name="settings">Of the run; the model has the channels of the images.</param>
    /// <param name="backend">Device to bring the batches to.</param>
    /// <param name="startEpoch">Epoch of the first batch.</param>
    /// <param name="startIteration">Its position in that epoch.</param>
    /// <exception cref="DatasetException">There are fewer images than one batch takes.</exception>
    /// <exception cref="RunException">The device is to make the views, and cannot.</exception>
    public PixelFeed(
        IImageDataset dataset, TrainSettings settings, IBackend backend, int startEpoch = 0, int startIteration = 0)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(backend);
        int batch = settings.Recipe.Batch;
        (_current, _next) = (new Batch(this, batch), new Batch(this, batch));
        _upload = settings.Views.Augment == AugmentingDevice.Cuda
            ? new PackedViewUpload(dataset, settings, backend)
            : new RenderedViewUpload(dataset, settings, backend);
        _loader = new DataLoader(
            dataset,
            settings.Augmentation,
            new DataLoaderSettings
            {
                BatchSize = batch,
                Views = ViewUpload.ViewCount,
                PackedBytes = _upload.PackedBytes,
                Seed = settings.Seed,
                Epochs = settings.Recipe.Epochs,
                ShuffleBuffer = settings.Data.ShuffleBuffer,
                Workers = settings.Run.Workers,
                ComputeThreads = backend.ComputeThreads,
                Allocate = backend.AllocateHost,
                StartEpoch = startEpoch,
                StartIteration = startIteration,
            });
    }

    /// <summary>Checks whether the device can do its part, which costs nothing.</summary>
    /// <exception cref="RunException">The device is to make the views, and cannot.</exception>
    public static void Require(IImageDataset dataset, TrainSettings settings, IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(settings);
        if (settings.Views.Augment == AugmentingDevice.Cuda)
        {
            _ = PackedViewUpload.BytesPerImage(dataset, settings, backend);
        }
    }

    /// <inheritdoc/>
    public TimeSpan TimeWaited => _loader.TimeWaited + _waitedForDevice;

    /// <summary>Whether the slots hold the batch that <see cref="TryNext"/> will return, or will when it has arrived.</summary>
    public bool IsNextOnItsWay { get; private set; }

    /// <inheritdoc/>
    public bool TryNext([NotNullWhen(true)] out DeviceBatch? batch)
    {
        Recycle();
        if (!IsNextOnItsWay)
        {
            if (!_loader.TryNext(out ImageBatch? next))
            {
                batch = null;
                return false;
            }

            Send(next);
        }

        IsNextOnItsWay = false;
        (_current, _next) = (_next, _current);
        batch = _current;
        return true;
    }

    /// <inheritdoc/>
    public void SendAhead()
    {
        Recycle();
        if (!IsNextOnItsWay && _loader.TryNextReady(out ImageBatch? next))
        {
            Send(next);
            IsNextOnItsWay = true;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _upload.Dispose();
        _leaving?.Dispose();
        _leaving = null;
        _loader.Dispose();
    }

    private void Send(ImageBatch next)
    {
        _upload.Send(next);
        _next.Describe(next);
        _leaving = next;
    }

    private void Recycle()
    {
        if (_leaving is null)
        {
            return;
        }

        long start = Stopwatch.GetTimestamp();
        _upload.WaitUntilRead();
        _waitedForDevice += Stopwatch.GetElapsedTime(start);
        _leaving.Dispose();
        _leaving = null;
    }

    /// <summary>What is known of a batch; its pixels are in the slots.</summary>
    private sealed class Batch(PixelFeed feed, int size) : DeviceBatch
    {
        private readonly int[] _labels = new int[size];
        private int _epoch;
        private int _iteration;

        public override int Epoch => _epoch;

        public override int Iteration => _iteration;

        public override ReadOnlySpan<int> Labels => _labels;

        public void Describe(ImageBatch source)
        {
            (_epoch, _iteration) = (source.Epoch, source.Iteration);
            source.Labels.CopyTo(_labels);
        }

        public override (Tensor First, Tensor Second) Views() => feed._upload.Views();
    }
}
