using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Device blocks by size class, last returned first handed out: once a step's requests repeat, so do its addresses, which
/// is what lets a recorded graph run again. All kernels run in one stream, so a block can be handed out while the work
/// that used it last is still under way.
/// </summary>
internal sealed class GpuMemoryPool : IDisposable
{
    private const long SmallestClass = 512;

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Stack<GpuBlock>> _free = [];
    private readonly IGpuDriver _driver;
    private readonly bool _keeps;
    private long _live;
    private long _peak;
    private long _pooled;
    private long _requests;
    private long _collected;

    public GpuMemoryPool(IGpuDriver driver) => (_driver, _keeps) = (driver, !driver.Properties.GuardsAllocations);

    public MemoryStatistics Statistics
    {
        get
        {
            lock (_gate)
            {
                return new MemoryStatistics(_live, _peak, _pooled, _requests, _collected);
            }
        }
    }

    public GpuStorage Rent(long sizeInBytes)
    {
        long size = _keeps ? SizeClass(sizeInBytes) : sizeInBytes;
        lock (_gate)
        {
            GpuBlock block = Take(size);
            _requests++;
            _live += size;
            _peak = Math.Max(_peak, _live);
            return new GpuStorage(this, block, sizeInBytes);
        }
    }

    public void Return(GpuBlock block, bool collected)
    {
        lock (_gate)
        {
            _live -= block.Size;
            _collected += collected ? 1 : 0;
            if (!_keeps)
            {
                _driver.Free(block.Address);
                return;
            }

            _pooled += block.Size;
            if (!_free.TryGetValue(block.Size, out Stack<GpuBlock>? blocks))
            {
                _free.Add(block.Size, blocks = new Stack<GpuBlock>());
            }

            blocks.Push(block);
        }
    }

    /// <summary>Gives all waiting blocks back to the device.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            Trim();
        }
    }

    /// <summary>
    /// Rounds up to a multiple of an eighth of the power of two below, so at most an eighth of a block goes unused.
    /// </summary>
    private static long SizeClass(long size)
    {
        if (size <= SmallestClass)
        {
            return SmallestClass;
        }

        long step = 1L << Math.Max(9, BitOperations.Log2((ulong)size) - 3);
        return (size + step - 1) / step * step;
    }

    private GpuBlock Take(long size)
    {
        if (_free.TryGetValue(size, out Stack<GpuBlock>? blocks) && blocks.TryPop(out GpuBlock? block))
        {
            _pooled -= size;
            return block;
        }

        try
        {
            return new GpuBlock(_driver.Allocate(size), size);
        }
        catch (GpuException error) when (error.IsOutOfMemory && _pooled > 0)
        {
            Trim();
            return new GpuBlock(_driver.Allocate(size), size);
        }
    }

    private void Trim()
    {
        foreach (GpuBlock block in _free.Values.SelectMany(blocks => blocks))
        {
            _driver.Free(block.Address);
        }

        _free.Clear();
        _pooled = 0;
    }
}
