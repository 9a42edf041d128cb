using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using CudaViT.Core;
using CudaViT.Training.Data;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs;

/// <summary>Renders views on the host, and brings their pixels to the device as they are.</summary>
/// <remarks>
/// One slot per view is enough for a batch to travel while the last one is worked on, because a step reads the pixels
/// at its beginning only. The loader gets its memory back as soon as the device has read it.
/// </remarks>
public sealed class PixelFeed : IBatchFeed
{
    private const int Views = 2;

    private readonly DataLoader _loader;
    private readonly ImageInput _input;
    private readonly UploadSlot[] _slots;
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
    public PixelFeed(
        IImageDataset dataset, TrainSettings settings, IBackend backend, int startEpoch = 0, int startIteration = 0)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(backend);
        _input = new ImageInput(settings, backend, dataset.Normalization);
        using var role = new MemoryRoleScope(MemoryRole.Data);
        int batch = settings.Recipe.Batch;
        _slots = new UploadSlot[Views];
        for (int view = 0; view < Views; view++)
        {
            _slots[view] = backend.NewUploadSlot(_input.PixelShape(batch), DType.U8);
        }

        (_current, _next) = (new Batch(this, batch), new Batch(this, batch));
        _loader = new DataLoader(
            dataset,
            settings.Views.ToAugmentation(settings.Model.ImageSize, settings.Recipe.CropMinimum),
            new DataLoaderSettings
            {
                BatchSize = batch,
                Views = Views,
                Seed = settings.Seed,
                Epochs = settings.Recipe.Epochs,
                ShuffleBuffer = settings.Data.ShuffleBuffer,
                Workers = settings.Run.Workers,
                Allocate = backend.AllocateHost,
                StartEpoch = startEpoch,
                StartIteration = startIteration,
            });
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
        foreach (UploadSlot slot in _slots)
        {
            slot.Dispose();
        }

        _leaving?.Dispose();
        _leaving = null;
        _loader.Dispose();
    }

    private void Send(ImageBatch next)
    {
        for (int view = 0; view < Views; view++)
        {
            _slots[view].Fill(next.BufferOf(view), next.ViewSizeInBytes(view));
        }

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
        foreach (UploadSlot slot in _slots)
        {
            slot.WaitUntilRead();
        }

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

        public override (Tensor First, Tensor Second) Views() => (View(0), View(1));

        private Tensor View(int view)
        {
            Tensor images = feed._input.ToTensor(feed._slots[view].Acquire());
            feed._slots[view].Release();
            return images;
        }
    }
}
