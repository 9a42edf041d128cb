using CudaViT.Data.Pixels;

namespace CudaViT.Data.Sets;

/// <summary>Images of one size, all of them in memory.</summary>
public sealed class InMemoryDataset : IImageDataset
{
    private readonly byte[] _pixels;
    private readonly byte[]? _labels;
    private readonly int _height;
    private readonly int _width;

    /// <summary>Takes over the arrays; they must not change afterwards.</summary>
    /// <param name="name">What to call it.</param>
    /// <param name="pixels">[count, height, width, channels].</param>
    /// <param name="height">Rows of every image.</param>
    /// <param name="width">Columns of every image.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="labels">[count], each below <paramref name="classCount"/>; null without labels.</param>
    /// <param name="classCount">Number of classes; 0 without labels.</param>
    /// <param name="classNames">One per class, if known.</param>
    /// <param name="normalization">Null to measure it from these images.</param>
    /// <exception cref="ArgumentException">The parts do not fit together.</exception>
    public InMemoryDataset(
        string name,
        byte[] pixels,
        int height,
        int width,
        int channels,
        byte[]? labels = null,
        int classCount = 0,
        IReadOnlyList<string>? classNames = null,
        Normalization? normalization = null)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (channels is not (1 or 3))
        {
            throw new ArgumentException($"Images have 1 or 3 channels, not {channels}.", nameof(channels));
        }

        int imageSize = height * width * channels;
        if (pixels.Length % imageSize != 0 || (labels is not null && labels.Length != pixels.Length / imageSize))
        {
            throw new ArgumentException(
                $"{pixels.Length} bytes and {labels?.Length ?? 0} labels do not make images [{height}, {width}, " +
                $"{channels}].");
        }

        if (Array.Exists(labels ?? [], label => label >= classCount) || (classNames?.Count ?? classCount) != classCount)
        {
            throw new ArgumentException($"Labels and names must be those of {classCount} classes.", nameof(labels));
        }

        (Name, _pixels, _height, _width, Channels) = (name, pixels, height, width, channels);
        (_labels, ClassCount, ClassNames) = (labels, classCount, classNames);
        Normalization = normalization ?? Normalization.Measure(pixels, channels);
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int? LargestImageBytes => _height * _width * Channels;

    /// <inheritdoc/>
    public int Count => _pixels.Length / ImageSizeInBytes;

    /// <inheritdoc/>
    public int Channels { get; }

    /// <inheritdoc/>
    public int ClassCount { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <inheritdoc/>
    public Normalization Normalization { get; }

    /// <inheritdoc/>
    public IEnumerable<DatasetFile> Files { get; init; } = [];

    private int ImageSizeInBytes => _height * _width * Channels;

    /// <inheritdoc/>
    public int Label(int index) => _labels is null ? -1 : _labels[index];

    /// <inheritdoc/>
    public ImageView Read(int index, ImageBuffer scratch, IDecodeScale? scale = null) =>
        new(_pixels.AsSpan(index * ImageSizeInBytes, ImageSizeInBytes), _height, _width, Channels);
}
