using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>Some of the images of another data set, spread evenly over it.</summary>
/// <remarks>
/// Evenly rather than the first ones: data sets that are sorted by class keep all their classes.
/// </remarks>
public sealed class DatasetSubset : IImageDataset
{
    private readonly IImageDataset _all;

    /// <summary>
    /// Chooses <paramref name="count"/> images of <paramref name="all"/>: image i is i * Count / count.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Not from 1 to the number of images.</exception>
    public DatasetSubset(IImageDataset all, int count)
    {
        ArgumentNullException.ThrowIfNull(all);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, all.Count);
        (_all, Count) = (all, count);
    }

    /// <inheritdoc/>
    public string Name => $"{_all.Name} ({Count} of {_all.Count})";

    /// <inheritdoc/>
    public int Count { get; }

    /// <inheritdoc/>
    public int Channels => _all.Channels;

    /// <inheritdoc/>
    public int ClassCount => _all.ClassCount;

    /// <inheritdoc/>
    public IReadOnlyList<string>? ClassNames => _all.ClassNames;

    /// <inheritdoc/>
    public Normalization Normalization => _all.Normalization;

    /// <inheritdoc/>
    public int Label(int index) => _all.Label(Original(index));

    /// <inheritdoc/>
    public IReadOnlyList<int> ShardStarts => [.. _all.ShardStarts
        .Select(start => (int)((((long)start * Count) + _all.Count - 1) / _all.Count)) // the first image from there on
        .Distinct()
        .Where(start => start < Count)];

    /// <inheritdoc/>
    public int? LargestImageBytes => _all.LargestImageBytes;

    /// <inheritdoc/>
    public IReadOnlyList<DamagedImage> Damaged => _all.Damaged;

    /// <inheritdoc/>
    public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null) =>
        _all.Read(Original(index), scratch, scale);

    /// <inheritdoc/>
    public string NameOf(int index) => _all.NameOf(Original(index));

    /// <inheritdoc/>
    public IEnumerable<DatasetFile> Files =>
        DatasetSelection.FilesOf(_all, Enumerable.Range(0, Count).Select(Original));

    /// <summary>Number of an image in the whole data set.</summary>
    internal int Original(int index)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
        return (int)((long)index * _all.Count / Count);
    }
}
