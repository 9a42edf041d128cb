using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using CudaViT.Core;
using CudaViT.Data.Loading;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;
using CudaViT.Training.Models;
using CudaViT.Training.Runs.Shared;
using CudaViT.Training.Settings;

namespace CudaViT.Training.Runs.Feeding;

/// <summary>
/// Brings the training batches of all epochs onto a device, in order, made ahead of time: pixels of views that the
/// loader's threads have made, or of decoded images, of which the device makes the same views.
/// </summary>
/// <remarks>
/// One set of slots is enough for a batch to travel while the last one is worked on, because a step reads the pixels
/// at its beginning only. The loader gets its memory back as soon as the device has read it.
/// </remarks>
public sealed class BatchFeed : IDisposable
{
    private readonly DataLoader _loader;
    private readonly ViewUpload _upload;
    private DeviceBatch _current;
    private DeviceBatch _next;
    private ImageBatch? _leaving; // the device may still be reading it
    private TimeSpan _waitedForDevice;

    private BatchFeed(
        IImageDataset dataset, IViewRecipe recipe, DataLoaderSettings loader, ViewUpload upload, IBackend backend)
    {
        (_current, _next) = (new DeviceBatch(upload, loader.BatchSize), new DeviceBatch(upload, loader.BatchSize));
        _upload = upload;
        _loader = new DataLoader(dataset, recipe, loader with
        {
            PackedBytes = upload.PackedBytes,
            ComputeThreads = backend.ComputeThreads,
            Allocate = backend.AllocateHost,
        });
    }

    /// <summary>Starts a loader for the two views of pre-training, and makes the slots.</summary>
    /// <param name="dataset">Training images.</param>
    /// <param name="settings">Of the run; the model has the channels of the images.</param>
    /// <param name="backend">Device to bring the batches to.</param>
    /// <param name="startEpoch">Epoch of the first batch.</param>
    /// <param name="startIteration">Its position in that epoch.</param>
    /// <exception cref="DatasetException">There are fewer images than one batch takes.</exception>
    /// <exception cref="RunException">The device is to make the views, and cannot.</exception>
    public static BatchFeed OfPairs(
        IImageDataset dataset, TrainSettings settings, IBackend backend, int startEpoch = 0, int startIteration = 0)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(backend);
        var loader = new DataLoaderSettings
        {
            BatchSize = settings.Recipe.Batch,
            Views = 2,
            Seed = settings.Seed,
            Epochs = settings.Recipe.Epochs,
            ShuffleBuffer = settings.Data.ShuffleBuffer,
            Workers = settings.Run.Workers,
            StartEpoch = startEpoch,
            StartIteration = startIteration,
        };
        return settings.Views.Augment == AugmentingDevice.Cuda
            ? new BatchFeed(
                dataset, settings.Augmentation, loader, new PackedViewUpload(dataset, settings, backend), backend)
            : Of(
                dataset,
                settings.Augmentation,
                loader,
                new ImageInput(settings, backend, dataset.Normalization),
                backend);
    }

    /// <summary>Starts a loader whose threads make the views, and makes the slots.</summary>
    /// <param name="dataset">Training images.</param>
    /// <param name="recipe">What the views are; all of one size.</param>
    /// <param name="loader">What the loader delivers; where its memory comes from is decided here.</param>
    /// <param name="input">Brings pixels to the form that the model takes.</param>
    /// <param name="backend">Device to bring the batches to.</param>
    /// <exception cref="DatasetException">There are fewer images than one batch takes.</exception>
    public static BatchFeed Of(
        IImageDataset dataset, IViewRecipe recipe, DataLoaderSettings loader, ImageInput input, IBackend backend)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(loader);
        ArgumentNullException.ThrowIfNull(backend);
        int size = recipe.SizeOf(0);
        var upload = new RenderedViewUpload(
            input, [loader.BatchSize, size, size, dataset.Channels], loader.Views ?? recipe.ViewCount, backend);
        return new BatchFeed(dataset, recipe, loader, upload, backend);
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

    /// <summary>How long the calling thread was kept waiting for data, all calls together.</summary>
    public TimeSpan TimeWaited => _loader.TimeWaited + _waitedForDevice;

    /// <summary>
    /// Whether the slots hold the batch that <see cref="TryNext"/> will return, or will when it has arrived.
    /// </summary>
    public bool IsNextOnItsWay { get; private set; }

    /// <summary>Waits for the next batch.</summary>
    /// <param name="batch">Valid until the next call; null after the last one.</param>
    /// <returns>False when there are no more.</returns>
    /// <exception cref="InputException">The images cannot be read.</exception>
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

    /// <summary>Waits for the next batch of a run that has steps to make.</summary>
    /// <returns>Valid until the next call.</returns>
    /// <exception cref="InputException">The images cannot be read.</exception>
    /// <exception cref="InvalidOperationException">There is none.</exception>
    public DeviceBatch Next() => TryNext(out DeviceBatch? batch)
        ? batch
        : throw new InvalidOperationException("The data ended before the run. This is a mistake in the program.");

    /// <summary>
    /// Sends the batch that <see cref="TryNext"/> will return on its way to the device, if it is ready. Call it when
    /// the computations of a step have been asked for, <see cref="DeviceBatch.View"/> first of all, and before their
    /// results are read: the copy then goes on beside them.
    /// </summary>
    public void SendAhead()
    {
        Recycle();
        if (!IsNextOnItsWay && _loader.TryNextReady(out ImageBatch? next))
        {
            Send(next);
            IsNextOnItsWay = true;
        }
    }

    /// <summary>Stops the loader, and gives all memory back.</summary>
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
}
