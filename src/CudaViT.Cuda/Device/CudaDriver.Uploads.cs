using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Copies from the host. The device reads only pinned memory by itself, so values pass through pinned buffers, which
/// are used in turn; an event tells when one is free again. That, and no wait for kernels, is what a copy costs.
/// </summary>
/// <remarks>
/// A large copy goes piece by piece over the copy stream into staging memory on the device, and from there, in the
/// order of the compute stream, to its destination. So a batch crosses the bus while the step before still computes,
/// although the destination may be in use until that ends. With all pieces in flight a copy waits for kernels after
/// all; only other copies wait with it, behind a lock of their own that is always taken before the driver's.
/// </remarks>
public sealed unsafe partial class CudaDriver
{
    private const int SmallBytes = 4 << 10;
    private const int SmallCount = 64;
    private const int LargeBytes = 8 << 20;
    private const int LargeCount = 8;

    private readonly Lock _staging = new();
    private readonly EventHandle?[] _smallIsFree = new EventHandle?[SmallCount];
    private readonly Piece?[] _pieces = new Piece?[LargeCount];
    private PinnedHandle? _small;
    private int _nextSmall;
    private int _nextPiece;

    /// <inheritdoc/>
    public void CopyFromHost(ReadOnlySpan<byte> source, nint destination, GpuStream stream)
    {
        using Lock.Scope copying = _staging.EnterScope();
        using (Enter())
        {
            RefuseWhileRecording("copy from the host");
        }

        if (source.Length <= SmallBytes)
        {
            CopySmall(source, destination, Queue(stream));
            return;
        }

        for (int start = 0; start < source.Length; start += LargeBytes)
        {
            ReadOnlySpan<byte> part = source.Slice(start, Math.Min(LargeBytes, source.Length - start));
            CopyPiece(part, destination + start, stream);
        }
    }

    /// <inheritdoc/>
    public HostBuffer AllocateHost(int sizeInBytes)
    {
        using Lock.Scope call = Enter();
        return new PinnedBuffer(PinnedHandle.Create(_context, Math.Max(1, sizeInBytes)), sizeInBytes);
    }

    /// <inheritdoc/>
    public void CopyFromHost(HostBuffer source, int sizeInBytes, nint destination, GpuStream stream)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sizeInBytes, source.SizeInBytes);
        if (source is not PinnedBuffer)
        {
            throw new ArgumentException("The device reads only memory from AllocateHost by itself.", nameof(source));
        }

        using Lock.Scope call = Enter();
        RefuseWhileRecording("copy from the host");
        fixed (byte* bytes = source.Bytes)
        {
            Check(CudaApi.MemcpyHtoDAsync(destination, bytes, (nuint)sizeInBytes, Queue(stream)));
        }

        GC.KeepAlive(source);
    }

    private void CopySmall(ReadOnlySpan<byte> source, nint destination, StreamHandle queue)
    {
        if (source.IsEmpty)
        {
            return;
        }

        int slot = _nextSmall;
        _nextSmall = (slot + 1) % SmallCount;
        _small ??= PinnedHandle.Create(_context, SmallBytes * SmallCount);
        EventHandle isFree = _smallIsFree[slot] ??= EventHandle.Create(_context, EventFlags.DisableTiming);
        Settle(CudaApi.EventSynchronize(isFree)); // at once if it was never recorded
        byte* host = (byte*)_small.Address + (slot * SmallBytes);
        source.CopyTo(new Span<byte>(host, SmallBytes));
        using Lock.Scope call = Enter();
        Check(CudaApi.MemcpyHtoDAsync(destination, host, (nuint)source.Length, queue));
        Check(CudaApi.EventRecord(isFree, queue));
    }

    private void CopyPiece(ReadOnlySpan<byte> source, nint destination, GpuStream stream)
    {
        int index = _nextPiece;
        _nextPiece = (index + 1) % LargeCount;
        Piece piece = _pieces[index] ??= new Piece(_context, Allocate(LargeBytes));
        nuint bytes = (nuint)source.Length;
        Settle(CudaApi.EventSynchronize(piece.HasLeftHost));
        source.CopyTo(new Span<byte>(piece.Host.Address, LargeBytes));
        using Lock.Scope call = Enter();
        if (stream == GpuStream.Copy)
        {
            Check(CudaApi.MemcpyHtoDAsync(destination, piece.Host.Address, bytes, _copy));
            Check(CudaApi.EventRecord(piece.HasLeftHost, _copy));
            return;
        }

        // The compute stream is to be done with what was here before.
        Check(CudaApi.StreamWaitEvent(_copy, piece.HasArrived, 0));
        Check(CudaApi.MemcpyHtoDAsync(piece.Device, piece.Host.Address, bytes, _copy));
        Check(CudaApi.EventRecord(piece.HasLeftHost, _copy));
        Check(CudaApi.StreamWaitEvent(_compute, piece.HasLeftHost, 0));
        Check(CudaApi.MemcpyDtoDAsync(destination, piece.Device, bytes, _compute));
        Check(CudaApi.EventRecord(piece.HasArrived, _compute));
    }

    private void DisposeStaging()
    {
        foreach (Piece? piece in _pieces)
        {
            piece?.Dispose();
        }

        foreach (EventHandle? isFree in _smallIsFree)
        {
            isFree?.Dispose();
        }

        _small?.Dispose();
    }

    /// <summary>Pinned memory that somebody else fills.</summary>
    private sealed class PinnedBuffer(PinnedHandle handle, int sizeInBytes) : HostBuffer(sizeInBytes)
    {
        public override Span<byte> Bytes
        {
            get
            {
                ObjectDisposedException.ThrowIf(handle.IsClosed, this);
                return new(handle.Address, SizeInBytes);
            }
        }

        protected override void Dispose(bool disposing)
        {
            handle.Dispose();
            base.Dispose(disposing);
        }
    }

    /// <summary>One buffer on each side of the bus.</summary>
    private sealed class Piece(ContextHandle context, nint device) : IDisposable
    {
        public PinnedHandle Host { get; } = PinnedHandle.Create(context, LargeBytes);

        /// <summary>Staging memory; the driver's list of allocations owns it.</summary>
        public nint Device => device;

        /// <summary>The pinned buffer may be overwritten.</summary>
        public EventHandle HasLeftHost { get; } = EventHandle.Create(context, EventFlags.DisableTiming);

        /// <summary>The staging memory may be overwritten.</summary>
        public EventHandle HasArrived { get; } = EventHandle.Create(context, EventFlags.DisableTiming);

        public void Dispose()
        {
            Host.Dispose();
            HasLeftHost.Dispose();
            HasArrived.Dispose();
        }
    }
}
