namespace CudaViT.Cuda;

public sealed unsafe partial class CudaDriver
{
    private readonly HashSet<nint> _allocations = [];
    private readonly List<nint> _freedWhileRecording = [];
    private readonly EventHandle _freed;

    // The device's pool of memory; 0 where it has none (some virtual GPUs) and each allocation stands for itself.
    private readonly nint _pool;

    /// <inheritdoc/>
    public nint Allocate(long sizeInBytes)
    {
        nuint bytes = (nuint)Math.Max(1, sizeInBytes);
        CudaStatus status = TryAllocate(bytes, out nint address);
        if (status == CudaStatus.OutOfMemory && _pool != 0)
        {
            // What was given back may not have arrived yet, or lie in pieces that are too small for this.
            Settle(CudaApi.StreamSynchronize(_memory));
            Settle(CudaApi.MemPoolTrimTo(_pool, 0));
            status = TryAllocate(bytes, out address);
        }

        using Lock.Scope call = Enter();

        if (status == CudaStatus.OutOfMemory)
        {
            throw new GpuException(CudaError.For(status, "CudaApi.MemAlloc").Message)
            {
                IsOutOfMemory = true,
                MemoryInUse = CudaApi.MemGetInfo(out nuint free, out nuint total) == CudaStatus.Success
                    ? (long)(total - free)
                    : null,
            };
        }

        Check(status, "CudaApi.MemAlloc");
        _allocations.Add(address);
        return address;
    }

    /// <inheritdoc/>
    public void Free(nint address)
    {
        using (_gate.EnterScope())
        {
            if (_isDisposed || _fault is not null)
            {
                return; // the context has taken it along, or will
            }

            if (!_allocations.Remove(address))
            {
                throw new ArgumentException(
                    $"Address 0x{address:x} is not from this device's Allocate.", nameof(address));
            }

            if (_isCapturing)
            {
                // The order of a recording stream is that of the graph; memory has to wait for that of the real ones.
                _freedWhileRecording.Add(address);
                return;
            }

            _context.MakeCurrent();
            if (_pool != 0)
            {
                Check(FreeInOrder(address));
                return;
            }
        }

        Settle(CudaApi.MemFree(address)); // waits for the whole device
    }

    /// <inheritdoc/>
    public void Copy(nint source, nint destination, long sizeInBytes, GpuStream stream)
    {
        using Lock.Scope call = Enter();
        Check(CudaApi.MemcpyDtoDAsync(destination, source, (nuint)sizeInBytes, Queue(stream)));
    }

    /// <inheritdoc/>
    public void Set(nint destination, byte value, long sizeInBytes, GpuStream stream)
    {
        using Lock.Scope call = Enter();
        Check(CudaApi.MemsetD8Async(destination, value, (nuint)sizeInBytes, Queue(stream)));
    }

    /// <inheritdoc/>
    public void CopyToHost(nint source, Span<byte> destination, GpuStream stream)
    {
        long submitted;
        using (Enter())
        {
            RefuseWhileRecording("read values on the host");
            submitted = stream == GpuStream.Compute ? _log.Position : 0;
        }

        StreamHandle queue = Queue(stream);
        fixed (byte* target = destination)
        {
            // To memory that is not pinned, the first call is the one that waits.
            Settle(CudaApi.MemcpyDtoHAsync(target, source, (nuint)destination.Length, queue));
            Settle(CudaApi.StreamSynchronize(queue), upTo: submitted);
        }
    }

    /// <summary>
    /// Memory is taken in a stream of its own, which never records, and is there for every stream once that has got
    /// there.
    /// </summary>
    private CudaStatus TryAllocate(nuint bytes, out nint address)
    {
        CudaStatus status;
        using (Enter())
        {
            if (_pool == 0)
            {
                return CudaApi.MemAlloc(out address, bytes);
            }

            status = CudaApi.MemAllocAsync(out address, bytes, _memory);
        }

        return status == CudaStatus.Success ? CudaApi.StreamSynchronize(_memory) : status;
    }

    /// <summary>Gives memory back when both streams have got to where they are now. Does not wait for that.</summary>
    private CudaStatus FreeInOrder(nint address)
    {
        if (_pool == 0)
        {
            return CudaApi.MemFree(address); // waits for the whole device
        }

        CudaStatus status = Follow(_compute);
        status = status == CudaStatus.Success ? Follow(_copy) : status;
        return status == CudaStatus.Success ? CudaApi.MemFreeAsync(address, _memory) : status;

        CudaStatus Follow(StreamHandle stream)
        {
            CudaStatus recorded = CudaApi.EventRecord(_freed, stream);
            return recorded == CudaStatus.Success ? CudaApi.StreamWaitEvent(_memory, _freed, 0) : recorded;
        }
    }

    private void FreeWhatWaited()
    {
        foreach (nint address in _freedWhileRecording)
        {
            Check(FreeInOrder(address));
        }

        _freedWhileRecording.Clear();
    }

    private void FreeAll()
    {
        foreach (nint address in _allocations.Concat(_freedWhileRecording))
        {
            _ = FreeInOrder(address);
        }

        _allocations.Clear();
        _ = CudaApi.StreamSynchronize(_memory);
    }
}
