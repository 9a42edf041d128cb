using CudaViT.Core;
using CudaViT.Data.Views;

namespace CudaViT.Data.Loading;

/// <summary>
/// Images ready for the network: 8 bits, equally large, in one or more views. Disposing gives it back for reuse.
/// </summary>
public sealed class ImageBatch : IDisposable
{
    private readonly HostBuffer[] _views;
    private readonly int[] _sizes;
    private readonly int[] _labels;
    private readonly int[] _samples;
    private readonly Action<ImageBatch>? _recycle;

    /// <param name="sizes">Height and width of every view in pixels.</param>
    /// <param name="capacity">Samples that there is room for.</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="recycle">Called when the batch is disposed.</param>
    /// <param name="allocate">Where memory for a number of bytes comes from; null for the managed heap.</param>
    /// <param name="packedBytes">Bytes for each packed image; null for views.</param>
    internal ImageBatch(
        int[] sizes,
        int capacity,
        int channels,
        Action<ImageBatch>? recycle = null,
        Func<int, HostBuffer>? allocate = null,
        int? packedBytes = null)
    {
        allocate ??= HostBuffer.Managed;
        (_sizes, Channels, _recycle) = (sizes, channels, recycle);
        _labels = new int[capacity];
        _samples = new int[capacity];
        if (packedBytes is { } bytes)
        {
            (_views, Packed) = ([], new PackedImages(sizes.Length, capacity, bytes, allocate));
            return;
        }

        _views = new HostBuffer[sizes.Length];
        for (int view = 0; view < sizes.Length; view++)
        {
            _views[view] = allocate(HostBuffer.SizeFor(capacity, ImageSizeInBytes(view)));
        }
    }

    /// <summary>Epoch, from 0.</summary>
    public int Epoch { get; internal set; }

    /// <summary>Position of the batch in its epoch, from 0.</summary>
    public int Iteration { get; internal set; }

    /// <summary>Number of samples.</summary>
    public int Count { get; internal set; }

    /// <summary>Number of views of each sample.</summary>
    public int ViewCount => _sizes.Length;

    /// <summary>The images of which a device is to make the views, which the batch then lacks; else null.</summary>
    public PackedImages? Packed { get; }

    /// <summary>1 or 3.</summary>
    public int Channels { get; }

    /// <summary>Class of each sample; -1 without labels.</summary>
    public ReadOnlySpan<int> Labels => _labels.AsSpan(0, Count);

    /// <summary>Index of each sample in the data set.</summary>
    public ReadOnlySpan<int> Samples => _samples.AsSpan(0, Count);

    internal Span<int> WritableSamples => _samples.AsSpan(0, Count);

    /// <summary>Which copy of its image a sample is, where an epoch has images several times; else 0.</summary>
    public int CopyOf(int position) => (FirstCopy + position) % Repeats;

    internal int FirstCopy { get; set; }

    internal int Repeats { get; init; } = 1;

    /// <summary>Height and width of a view in pixels.</summary>
    public int SizeOf(int view) => _sizes[view];

    /// <summary>One view of every sample, [Count, size, size, Channels], row-major without gaps.</summary>
    public ReadOnlySpan<byte> View(int view) => _views[view].Bytes[..ViewSizeInBytes(view)];

    /// <summary>The memory that begins with <see cref="View"/>.</summary>
    public HostBuffer BufferOf(int view) => _views[view];

    /// <summary>Bytes of one view of every sample.</summary>
    public int ViewSizeInBytes(int view) => Count * ImageSizeInBytes(view);

    /// <summary>Gives the buffers back to the loader that made them; do not use the batch afterwards.</summary>
    public void Dispose() => _recycle?.Invoke(this);

    internal Span<byte> WritableImage(int view, int position) =>
        _views[view].Bytes.Slice(position * ImageSizeInBytes(view), ImageSizeInBytes(view));

    /// <summary>Gives the memory back for good.</summary>
    internal void Free()
    {
        foreach (HostBuffer buffer in _views)
        {
            buffer.Dispose();
        }

        Packed?.Buffer.Dispose();
    }

    internal void SetLabel(int position, int label) => _labels[position] = label;

    private int ImageSizeInBytes(int view) => _sizes[view] * _sizes[view] * Channels;
}
