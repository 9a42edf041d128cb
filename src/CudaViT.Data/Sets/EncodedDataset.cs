using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>
/// Images that are decoded one by one as they are needed, to red, green and blue, and normalised like ImageNet's.
/// </summary>
/// <remarks>
/// A file that does not decode is left out and listed in <see cref="Damaged"/>; where they are more than one in a
/// hundred, something else is wrong, and reading stops with an error that lists them.
/// </remarks>
public sealed class EncodedDataset : IImageDataset
{
    private const int Hundred = 100;
    private const int ShownInMessage = 20;

    private readonly IEncodedImages _images;
    private readonly IImageDecoder _decoder;
    private readonly bool _scales;
    private readonly object _gate = new();
    private readonly SortedDictionary<int, string> _damaged = []; // index and reason; belongs to _gate
    private volatile bool _hasDamaged;

    /// <param name="name">What to call it.</param>
    /// <param name="images">The files.</param>
    /// <param name="classCount">Number of classes; 0 without labels.</param>
    /// <param name="classNames">One per class, if known.</param>
    /// <param name="decoder">Makes pixels of them.</param>
    /// <param name="scales">Whether to decode at a smaller size where that is enough.</param>
    internal EncodedDataset(
        string name,
        IEncodedImages images,
        int classCount,
        IReadOnlyList<string>? classNames,
        IImageDecoder decoder,
        bool scales)
    {
        (Name, _images, ClassCount, ClassNames) = (name, images, classCount, classNames);
        (_decoder, _scales) = (decoder, scales);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Count => _images.Count;

    /// <inheritdoc/>
    public int Channels => 3;

    /// <inheritdoc/>
    public int ClassCount { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <inheritdoc/>
    public Normalization Normalization => Normalization.ImageNet;

    /// <inheritdoc/>
    public IReadOnlyList<int> ShardStarts => _images.ShardStarts;

    /// <inheritdoc/>
    public IReadOnlyList<DamagedImage> Damaged
    {
        get
        {
            lock (_gate)
            {
                return [.. _damaged.Select(pair => new DamagedImage(_images.NameOf(pair.Key), pair.Value))];
            }
        }
    }

    /// <inheritdoc/>
    public int Label(int index) => _images.Label(index);

    /// <inheritdoc/>
    public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        ThrowIfKnown(index);
        try
        {
            return _decoder.Decode(_images.Load(index, scratch), _scales ? scale : null, scratch);
        }
        catch (Exception e) when (e is UndecodableImageException or IOException or UnauthorizedAccessException)
        {
            Remember(index, e.Message.TrimEnd('.'));
            throw new UndecodableImageException($"{_images.NameOf(index)}: {e.Message}", e);
        }
    }

    // Not tried again in every epoch.
    private void ThrowIfKnown(int index)
    {
        if (!_hasDamaged)
        {
            return;
        }

        lock (_gate)
        {
            if (_damaged.TryGetValue(index, out string? reason))
            {
                throw new UndecodableImageException($"{_images.NameOf(index)}: {reason}");
            }
        }
    }

    private void Remember(int index, string reason)
    {
        lock (_gate)
        {
            _damaged[index] = reason;
            _hasDamaged = true;
            if ((long)_damaged.Count * Hundred > Count)
            {
                string list = string.Join("; ", _damaged.Take(ShownInMessage)
                    .Select(pair => $"{_images.NameOf(pair.Key)}: {pair.Value}"));
                string more = _damaged.Count > ShownInMessage ? $"; and {_damaged.Count - ShownInMessage} more" : "";
                throw new DatasetException(
                    $"{Name}: {_damaged.Count} of {Count} images cannot be decoded, and at most one in {Hundred} may " +
                    $"be left out: {list}{more}. Replace or remove these files.");
            }
        }
    }
}

/// <summary>Image files that lie somewhere, not decoded. Safe to use from several threads.</summary>
internal interface IEncodedImages
{
    int Count { get; }

    /// <summary>Where each shard begins; see <see cref="IImageDataset.ShardStarts"/>.</summary>
    IReadOnlyList<int> ShardStarts { get; }

    /// <summary>-1 without labels.</summary>
    int Label(int index);

    /// <summary>What to call an image in messages.</summary>
    string NameOf(int index);

    /// <summary>The bytes of one file, in the scratch memory.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="UndecodableImageException">It is too large to be an image.</exception>
    ReadOnlySpan<byte> Load(int index, ImageBuffer scratch);
}
