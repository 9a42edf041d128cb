using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using CudaViT.Core;
using CudaViT.Data.Pixels;
using CudaViT.Data.Sets;
using CudaViT.Data.Views;

namespace CudaViT.Data.Loading;

/// <summary>
/// Delivers the training batches of all epochs in order, the views of every sample, made ahead of time by worker
/// threads.
/// </summary>
/// <remarks>
/// The order within an epoch is a permutation that depends on the seed and the epoch alone; the samples left over after
/// the last full batch are dropped. Every view is a pure function of seed, epoch, sample and view. So the result is the
/// same bit for bit for any number of workers, and a run goes on at (epoch, iteration) as if it had never stopped.
/// <para>
/// All workers fill the same batch, a few samples at a time, before they turn to the next. Batches are recycled:
/// dispose each one when done with it.
/// </para>
/// </remarks>
public sealed class DataLoader : IDisposable
{
    private const int ChunkSize = 8; // samples between two visits to the lock: a fraction of a millisecond and up

    private const int MaxDefaultWorkers = 32; // more feed no GPU faster, and each keeps the memory of an image

    private readonly IImageDataset _dataset;
    private readonly IViewRecipe _recipe;
    private readonly DataLoaderSettings _settings;
    private readonly int _views;
    private readonly Thread[] _workers;
    private readonly List<ImageBatch> _all = [];

    // All of the following belongs to _gate.
    private readonly object _gate = new();
    private readonly Queue<BatchAssembly> _inOrder = new(); // begun and not yet delivered, oldest first
    private readonly Stack<BatchAssembly> _idle = new();
    private readonly Dictionary<ImageBatch, BatchAssembly> _lent = [];
    private readonly int[] _order;
    private int _orderEpoch = -1;
    private (int Epoch, int Iteration) _next;
    private BatchAssembly? _open; // the one whose samples are being handed out

    private volatile bool _stopped;
    private long _waitedTicks;

    /// <summary>Starts the workers.</summary>
    /// <param name="dataset">Must outlive the loader.</param>
    /// <param name="recipe">How views are made.</param>
    /// <param name="settings">Batch size, seed, workers, where to start.</param>
    /// <exception cref="DatasetException">There are fewer images than one batch takes.</exception>
    /// <exception cref="ArgumentException">A setting is out of range.</exception>
    public DataLoader(IImageDataset dataset, IViewRecipe recipe, DataLoaderSettings settings)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        ArgumentNullException.ThrowIfNull(recipe);
        ArgumentNullException.ThrowIfNull(settings);
        recipe.Validate();
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.BatchSize, nameof(settings.BatchSize));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.Workers ?? 1, nameof(settings.Workers));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.PrefetchBatches, nameof(settings.PrefetchBatches));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.ShuffleBuffer ?? 1, nameof(settings.ShuffleBuffer));
        ArgumentOutOfRangeException.ThrowIfNegative(settings.StartEpoch, nameof(settings.StartEpoch));
        ArgumentOutOfRangeException.ThrowIfNegative(settings.StartIteration, nameof(settings.StartIteration));
        int views = settings.Views ?? recipe.ViewCount;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(views, nameof(settings.Views));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(views, recipe.ViewCount, nameof(settings.Views));
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(settings.Repeats, nameof(settings.Repeats));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            settings.Repeats, recipe.ViewCount == 1 ? byte.MaxValue : 1, nameof(settings.Repeats));
        if (settings.PackedBytes is { } bytes)
        {
            AugmentationSettings packed = recipe as AugmentationSettings
                ?? throw new ArgumentException("Images are packed for MoCo's views only.", nameof(recipe));
            ArgumentOutOfRangeException.ThrowIfLessThan(
                bytes, ViewPacker.LeastBytes(packed, views, dataset.Channels), nameof(settings.PackedBytes));
        }

        if (dataset.Count < (settings.KeepsRest ? 1 : settings.BatchSize))
        {
            throw new DatasetException(
                $"{dataset.Name}: {dataset.Count} images are fewer than one batch of {settings.BatchSize}. " +
                $"Use a batch of at most {dataset.Count}, or more images.");
        }

        (_dataset, _recipe, _settings, _views) = (dataset, recipe, settings, views);
        int rest = settings.KeepsRest ? dataset.Count % settings.BatchSize : 0;
        IterationsPerEpoch = (dataset.Count / settings.BatchSize) + (rest > 0 ? 1 : 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(
            settings.StartIteration, IterationsPerEpoch, nameof(settings.StartIteration));
        _next = Normalize(settings.StartEpoch, settings.StartIteration);
        _order = new int[dataset.Count];
        int[] sizes = [.. Enumerable.Range(0, views).Select(recipe.SizeOf)];
        for (int i = 0; i < settings.PrefetchBatches + 1; i++)
        {
            var batch = new ImageBatch(
                sizes, settings.BatchSize, dataset.Channels, Recycle, settings.Allocate, settings.PackedBytes)
            {
                Repeats = settings.Repeats,
            };
            _all.Add(batch);
            _idle.Push(new BatchAssembly(batch));
        }

        _workers = new Thread[settings.Workers ?? FreeProcessors(settings.ComputeThreads)];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Thread(Work) { IsBackground = true, Name = $"data loader {i}" };
            _workers[i].Start();
        }
    }

    /// <summary>Batches in an epoch.</summary>
    public int IterationsPerEpoch { get; }

    /// <summary>How long <see cref="TryNext"/> has kept its callers waiting, all calls together.</summary>
    public TimeSpan TimeWaited => TimeSpan.FromTicks(Interlocked.Read(ref _waitedTicks));

    /// <summary>Waits for the next batch.</summary>
    /// <param name="batch">To be disposed by the caller; null after the last one.</param>
    /// <returns>False when the last epoch is over.</returns>
    /// <exception cref="ObjectDisposedException">The loader has been disposed.</exception>
    /// <exception cref="InvalidOperationException">All batches are out and none was disposed.</exception>
    /// <remarks>
    /// What a worker threw is thrown here, unchanged, when the batch that it belongs to is due, and again on every
    /// later call.
    /// </remarks>
    public bool TryNext([NotNullWhen(true)] out ImageBatch? batch)
    {
        long start = Stopwatch.GetTimestamp();
        lock (_gate)
        {
            if (_lent.Count > _settings.PrefetchBatches)
            {
                throw new InvalidOperationException(
                    $"All {_lent.Count} batches of the loader are in use. Dispose a batch before asking for the next.");
            }

            while (!_stopped && (_inOrder.Count > 0 ? _inOrder.Peek().Unfinished > 0 : _next.Epoch < _settings.Epochs))
            {
                Monitor.Wait(_gate);
            }

            Interlocked.Add(ref _waitedTicks, Stopwatch.GetElapsedTime(start).Ticks);
            ObjectDisposedException.ThrowIf(_stopped, this);
            if (_inOrder.Count == 0)
            {
                batch = null;
                return false;
            }

            _inOrder.Peek().Error?.Throw();
            batch = Lend();
            return true;
        }
    }

    /// <summary>Takes the next batch if it is ready. Never waits.</summary>
    /// <param name="batch">To be disposed by the caller.</param>
    /// <returns>False when it is not ready, when there is none, and when <see cref="TryNext"/> would throw.</returns>
    public bool TryNextReady([NotNullWhen(true)] out ImageBatch? batch)
    {
        lock (_gate)
        {
            bool isReady = !_stopped
                && _lent.Count <= _settings.PrefetchBatches
                && _inOrder.TryPeek(out BatchAssembly? next)
                && next is { Unfinished: 0, Error: null };
            batch = isReady ? Lend() : null;
            return isReady;
        }
    }

    /// <summary>
    /// Stops the workers, each after the sample it is at, and waits for them. Batches that are still out lose their
    /// memory.
    /// </summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopped = true;
            Monitor.PulseAll(_gate);
        }

        foreach (Thread worker in _workers)
        {
            worker.Join();
        }

        _all.ForEach(batch => batch.Free());
    }

    private ImageBatch Lend()
    {
        BatchAssembly assembly = _inOrder.Dequeue();
        _lent.Add(assembly.Batch, assembly);
        return assembly.Batch;
    }

    private static int FreeProcessors(int? computeThreads) => Math.Clamp(
        Environment.ProcessorCount - (computeThreads ?? Environment.ProcessorCount), 1, MaxDefaultWorkers);

    private void Work()
    {
        IViewMaker maker = _recipe.CreateMaker(_settings.Seed);
        ViewPacker? packer = _settings.PackedBytes is { } limit
            ? new ViewPacker((AugmentationSettings)_recipe, _settings.Seed, _views, limit)
            : null;
        var scratch = new ImageBuffer();
        while (TryTakeChunk(out BatchAssembly? assembly, out int first, out int end))
        {
            int position = first;
            try
            {
                for (; position < end && !_stopped; position++)
                {
                    Fill(assembly.Batch, position, maker, packer, scratch);
                }
            }
#pragma warning disable CA1031 // Whatever it is, the consumer gets it; on this thread it would end the process.
            catch (Exception e)
#pragma warning restore CA1031
            {
                lock (_gate)
                {
                    assembly.Fail(position, e);
                }
            }

            lock (_gate)
            {
                assembly.Unfinished -= end - first;
                if (assembly.Unfinished == 0)
                {
                    Monitor.PulseAll(_gate);
                }
            }
        }
    }

    private void Fill(
        ImageBatch batch, int position, IViewMaker maker, ViewPacker? packer, ImageBuffer scratch)
    {
        ref int sample = ref batch.WritableSamples[position];
        int copy = batch.CopyOf(position);
        ImageView image = Read(batch.Epoch, ref sample, copy, maker, scratch);
        batch.SetLabel(position, _dataset.Label(sample));
        if (packer is not null)
        {
            packer.Pack(image, batch.Packed!, batch.Epoch, sample, position);
            return;
        }

        for (int view = 0; view < batch.ViewCount; view++)
        {
            maker.Augment(image, batch.Epoch, sample, copy + view, batch.WritableImage(view, position));
        }
    }

    // In place of a damaged image comes another one, drawn by the number of the damaged one.
    private ImageView Read(int epoch, ref int sample, int copy, IViewMaker maker, ImageBuffer scratch)
    {
        RandomSequence others =
            new RandomStream(_settings.Seed, epoch, sample, view: 0, RandomOperation.Replacement).Sequence();
        while (true)
        {
            try
            {
                return _dataset.Read(sample, scratch, maker.ScaleOf(epoch, sample, copy));
            }
            catch (UndecodableImageException)
            {
                sample = others.NextInt(_dataset.Count);
            }
        }
    }

    private bool TryTakeChunk([NotNullWhen(true)] out BatchAssembly? assembly, out int first, out int end)
    {
        lock (_gate)
        {
            while (!_stopped && (_open is not null || _next.Epoch < _settings.Epochs))
            {
                if (_open is null && !TryBegin())
                {
                    Monitor.Wait(_gate); // for a batch to come back
                    continue;
                }

                assembly = _open!;
                first = assembly.Taken;
                end = assembly.Taken = Math.Min(first + ChunkSize, assembly.Batch.Count);
                if (end == assembly.Batch.Count)
                {
                    _open = null;
                }

                return true;
            }
        }

        (assembly, first, end) = (null, 0, 0);
        return false;
    }

    private bool TryBegin()
    {
        if (!_idle.TryPop(out BatchAssembly? assembly))
        {
            return false;
        }

        (int epoch, int iteration) = _next;
        if (_orderEpoch != epoch)
        {
            Shuffle(epoch);
        }

        int start = iteration * _settings.BatchSize;
        int count = Math.Min(_settings.BatchSize, _order.Length - start);
        assembly.Begin(epoch, iteration, start % _settings.Repeats, _order.AsSpan(start, count));
        _inOrder.Enqueue(assembly);
        _open = assembly;
        _next = Normalize(epoch, iteration + 1);
        return true;
    }

    private void Shuffle(int epoch)
    {
        RandomSequence random = new RandomStream(
            _settings.Seed, epoch, sample: 0, view: 0, RandomOperation.Shuffle).Sequence();
        EpochOrder.Fill(_order, ref random, _dataset.ShardStarts, _settings.ShuffleBuffer);
        EpochOrder.Repeat(_order, _settings.Repeats);
        _orderEpoch = epoch;
    }

    private (int Epoch, int Iteration) Normalize(int epoch, int iteration) =>
        iteration == IterationsPerEpoch ? (epoch + 1, 0) : (epoch, iteration);

    private void Recycle(ImageBatch batch)
    {
        lock (_gate)
        {
            if (_lent.Remove(batch, out BatchAssembly? assembly)) // else disposed twice
            {
                _idle.Push(assembly);
                Monitor.PulseAll(_gate);
            }
        }
    }
}
