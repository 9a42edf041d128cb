namespace CudaViT.Core;

/// <summary>
/// Host memory of a backend's choosing. From <see cref="IBackend.AllocateHost"/> it is memory that the device reads by
/// itself, so that <see cref="UploadSlot"/>s are filled from it while processor and device do something else.
/// </summary>
public abstract class HostBuffer : IDisposable
{
    /// <summary>Sets the size.</summary>
    protected HostBuffer(int sizeInBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeInBytes);
        SizeInBytes = sizeInBytes;
    }

    /// <summary>Number of bytes.</summary>
    public int SizeInBytes { get; }

    /// <summary>The memory; undefined at first.</summary>
    /// <exception cref="ObjectDisposedException">The buffer has been given back.</exception>
    public abstract Span<byte> Bytes { get; }

    /// <summary>A buffer on the managed heap, for what no device reads.</summary>
    public static HostBuffer Managed(int sizeInBytes) => new ManagedBuffer(sizeInBytes);

    /// <summary>Bytes that a buffer for all images of a batch has.</summary>
    /// <param name="images">Number of images.</param>
    /// <param name="bytesEach">Bytes of one.</param>
    /// <exception cref="DeviceMemoryException">They are more than one buffer can have.</exception>
    public static int SizeFor(int images, long bytesEach) => images * bytesEach <= Array.MaxLength
        ? (int)(images * bytesEach)
        : throw new DeviceMemoryException(
            $"a batch of {images} images of {MemorySize.Text(bytesEach)} takes {MemorySize.Text(images * bytesEach)}, "
            + $"but one piece of host memory has at most {MemorySize.Text(Array.MaxLength)}. Use a batch of "
            + $"{Array.MaxLength / bytesEach} or less, or smaller images.");

    /// <summary>Gives the memory back. No upload from it may be under way, and no span of it in use.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the memory back.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    private sealed class ManagedBuffer(int sizeInBytes) : HostBuffer(sizeInBytes)
    {
        private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(sizeInBytes);

        public override Span<byte> Bytes => _bytes;
    }
}
