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
