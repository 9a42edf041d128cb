using CudaViT.Core;
using CudaViT.Data.Views;

namespace CudaViT.Data.Loading;

/// <summary>What a <see cref="DataLoader"/> delivers, and with how much help.</summary>
public sealed record DataLoaderSettings
{
    /// <summary>Samples in a batch; every batch is full unless <see cref="KeepsRest"/>.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Whether the last batch of an epoch has what is left, instead of the rest being dropped.</summary>
    public bool KeepsRest { get; init; }

    /// <summary>Views to make, the first ones; null for all that the augmentation has.</summary>
    public int? Views { get; init; }

    /// <summary>
    /// How often an epoch has each of its images, one time after another, each time in another view; the epoch does not
    /// grow, so it has fewer images. Above 1 only for recipes of one view.
    /// </summary>
    public int Repeats { get; init; } = 1;

    /// <summary>Seed of the order and of the views.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The epoch to end before.</summary>
    public required int Epochs { get; init; }

    /// <summary>
    /// Images among which the next one is drawn, in a random order of the shards; null to draw among all that are left.
    /// </summary>
    /// <remarks>
    /// With a buffer, reading stays close to one place after another, which is much faster from disks and networks than
    /// jumping about.
    /// </remarks>
    public int? ShuffleBuffer { get; init; }

    /// <summary>
    /// Threads that make views, at least 1; null for one on each processor that computing leaves, up to 32. No
    /// influence on the result.
    /// </summary>
    public int? Workers { get; init; }

    /// <summary>
    /// Threads that compute meanwhile (<see cref="IBackend.ComputeThreads"/>); null for all processors.
    /// </summary>
    public int? ComputeThreads { get; init; }

    /// <summary>Batches made ahead of the one in use; bounds the memory, no influence on the result.</summary>
    public int PrefetchBatches { get; init; } = 2;

    /// <summary>
    /// Where batches get memory for a number of bytes: <see cref="IBackend.AllocateHost"/> of a device that is to read
    /// them by itself; null for the managed heap.
    /// </summary>
    public Func<int, HostBuffer>? Allocate { get; init; }

    /// <summary>
    /// Most bytes to take of each image for a device that makes the views (<see cref="ImageBatch.Packed"/>), with the
    /// recipe of <see cref="AugmentationSettings"/>; null for the loader's threads to make them.
    /// </summary>
    public int? PackedBytes { get; init; }

    /// <summary>Epoch of the first batch: 0, or where a resumed run goes on.</summary>
    public int StartEpoch { get; init; }

    /// <summary>Iteration of the first batch within its epoch.</summary>
    public int StartIteration { get; init; }
}
