using System.Globalization;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>
/// Images that are decoded one by one as they are needed, to red, green and blue, and normalised like ImageNet's.
/// </summary>
/// <remarks>
/// A file that does not decode is left out and listed in <see cref="Damaged"/>; where they are more than one in a
/// hundred, something else is wrong, and reading stops with an error that lists them. A file that cannot be read is no
/// property of the image: it is tried again, and then reading stops, so that a disk or a network that is gone for a
/// while leaves nothing out.
/// </remarks>
public sealed class EncodedDataset : IImageDataset
{
    private const int Hundred = 100;
    private const int ShownInMessage = 20;

    // Before each further attempt at a file: a network file system that comes back does so within seconds or not at
    // all.
    private static readonly TimeSpan[] Pauses =
        [TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5)];

    private readonly IEncodedImages _images;
    private readonly IImageDecoder _decoder;
    private readonly bool _scales;
    private readonly object _gate = new();
    private readonly SortedDictionary<int, string> _damaged = []; // index and reason; belongs to _gate
    private DamageCount _damage; // shared with what was selected: both parts of a split are judged as one
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
        _damage = new DamageCount(images.Count);
    }

    /// <summary>What to do before a file is tried again: wait.</summary>
    internal Action<TimeSpan> Pause { get; init; } = Thread.Sleep;

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
                return [.. _damaged.Select(pair => new DamagedImage(_images.PathOf(pair.Key), pair.Value))];
            }
        }
    }

    /// <inheritdoc/>
    public int Label(int index) => _images.Label(index);

    /// <inheritdoc/>
    public string NameOf(int index) => _images.NameOf(index);

    /// <inheritdoc/>
    public IEnumerable<DatasetFile> Files => Enumerable.Range(0, Count)
        .Select(index => new DatasetFile(_images.NameOf(index), _images.SizeOf(index), _images.Label(index)));

    /// <inheritdoc/>
    public IImageDataset Select(int[] indices, string name) =>
        new EncodedDataset(name, new SelectedImages(_images, indices), ClassCount, ClassNames, _decoder, _scales)
        {
            Pause = Pause,
            _damage = _damage,
        };

    /// <inheritdoc/>
    public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null)
    {
        ArgumentNullException.ThrowIfNull(scratch);
        ThrowIfKnown(index);
        try
        {
            return _decoder.Decode(Load(index, scratch), _scales ? scale : null, scratch);
        }
        catch (UndecodableImageException e)
        {
            Remember(index, e.Message.TrimEnd('.'));
            throw new UndecodableImageException($"{_images.PathOf(index)}: {e.Message}", e);
        }
    }

    private ReadOnlySpan<byte> Load(int index, ImageBuffer scratch)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return _images.Load(index, scratch);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                if (attempt == Pauses.Length)
                {
                    throw new DatasetException(
                        $"{_images.PathOf(index)}: cannot be read, after {Attempts} attempts "
                        + $"({e.Message.TrimEnd('.')}). It was there when the images were listed. Check the disk or "
                        + "the connection and the file's permissions, then begin or go on again.",
                        e);
                }
            }

            Pause(Pauses[attempt]);
        }
    }

    private static string Attempts => (Pauses.Length + 1).ToString(CultureInfo.InvariantCulture);

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
                throw new UndecodableImageException($"{_images.PathOf(index)}: {reason}");
            }
        }
    }

    private void Remember(int index, string reason)
    {
        lock (_gate)
        {
            if (!_damaged.TryAdd(index, reason))
            {
                return; // two threads met it at once
            }

            _hasDamaged = true;
            if (_damage.Add() is var count && (long)count * Hundred > _damage.Images)
            {
                string list = string.Join("; ", _damaged.Take(ShownInMessage)
                    .Select(pair => $"{_images.PathOf(pair.Key)}: {pair.Value}"));
                string more = count > ShownInMessage ? $"; and {count - ShownInMessage} more" : "";
                throw new DatasetException(
                    $"{Name}: {count} of {_damage.Images} images cannot be decoded, and at most one in {Hundred} may " +
                    $"be left out: {list}{more}. Replace or remove these files.");
            }
        }
    }
}

/// <summary>Counts damaged images among all those of a data set, whatever parts it was split into.</summary>
/// <param name="images">All images.</param>
internal sealed class DamageCount(int images)
{
    private int _count;

    /// <summary>All images.</summary>
    public int Images => images;

    /// <summary>Counts one more and says how many there are now.</summary>
    public int Add() => Interlocked.Increment(ref _count);
}

/// <summary>Image files that lie somewhere, not decoded. Safe to use from several threads.</summary>
internal interface IEncodedImages
{
    int Count { get; }

    /// <summary>Where each shard begins; see <see cref="IImageDataset.ShardStarts"/>.</summary>
    IReadOnlyList<int> ShardStarts { get; }

    /// <summary>-1 without labels.</summary>
    int Label(int index);

    /// <summary>What to call an image within the data; see <see cref="IImageDataset.NameOf"/>.</summary>
    string NameOf(int index);

    /// <summary>What to call an image in messages: where to look for it.</summary>
    string PathOf(int index);

    /// <summary>Size of one file in bytes, as it was when the images were listed.</summary>
    long SizeOf(int index);

    /// <summary>The bytes of one file, in the scratch memory.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    /// <exception cref="UndecodableImageException">It is too large to be an image.</exception>
    ReadOnlySpan<byte> Load(int index, ImageBuffer scratch);
}

/// <summary>Some of the images of others.</summary>
/// <param name="all">The others.</param>
/// <param name="indices">Which, in ascending order.</param>
internal sealed class SelectedImages(IEncodedImages all, int[] indices) : IEncodedImages
{
    public int Count => indices.Length;

    public IReadOnlyList<int> ShardStarts => DatasetSelection.StartsOf(all.ShardStarts, indices);

    public int Label(int index) => all.Label(indices[index]);

    public string NameOf(int index) => all.NameOf(indices[index]);

    public string PathOf(int index) => all.PathOf(indices[index]);

    public long SizeOf(int index) => all.SizeOf(indices[index]);

    public ReadOnlySpan<byte> Load(int index, ImageBuffer scratch) => all.Load(indices[index], scratch);
}
