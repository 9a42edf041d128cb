using CudaViT.Core;
using CudaViT.Data.Pixels;

namespace CudaViT.Data.Views;

/// <summary>
/// What is needed of a batch's decoded images, one after the other, and how a device is to make views of it.
/// </summary>
/// <remarks>
/// Where an image lies depends on which thread was faster; what the views look like does not. Every sample takes at
/// most as many bytes as were reserved for it, so there is room for all.
/// </remarks>
public sealed class PackedImages
{
    private readonly ViewTransform[][] _transforms;
    private int _usedBytes;

    internal PackedImages(int views, int capacity, int bytesPerSample, Func<int, HostBuffer> allocate)
    {
        _transforms = new ViewTransform[views][];
        for (int view = 0; view < views; view++)
        {
            _transforms[view] = new ViewTransform[capacity];
        }

        Buffer = allocate(HostBuffer.SizeFor(capacity, bytesPerSample));
    }

    /// <summary>The memory that the images lie in.</summary>
    public HostBuffer Buffer { get; }

    /// <summary>How much of it they take, from its beginning.</summary>
    public int UsedBytes => _usedBytes;

    /// <summary>
    /// How a view of every sample that there is room for is made; offsets count from the buffer's first byte.
    /// </summary>
    public ReadOnlySpan<ViewTransform> Transforms(int view) => _transforms[view];

    /// <summary>Forgets all images.</summary>
    internal void Clear() => _usedBytes = 0;

    /// <summary>Takes memory. Any thread may call.</summary>
    internal Span<byte> Reserve(int sizeInBytes, out int offset)
    {
        offset = Interlocked.Add(ref _usedBytes, sizeInBytes) - sizeInBytes;
        return Buffer.Bytes.Slice(offset, sizeInBytes);
    }

    /// <summary>Copies a part of an image and returns where it begins. Any thread may call.</summary>
    internal int Append(ImageView image, CropBox part)
    {
        int rowBytes = part.Width * image.Channels;
        Span<byte> rows = Reserve(part.Height * rowBytes, out int offset);
        for (int y = 0; y < part.Height; y++)
        {
            int start = (((part.Top + y) * image.Width) + part.Left) * image.Channels;
            image.Pixels.Slice(start, rowBytes).CopyTo(rows[(y * rowBytes)..]);
        }

        return offset;
    }

    internal void SetTransform(int view, int position, in ViewTransform transform) =>
        _transforms[view][position] = transform;
}
