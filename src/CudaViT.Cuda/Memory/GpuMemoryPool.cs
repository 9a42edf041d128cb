using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Device blocks by size class. That a step's addresses repeat once its requests do is what lets a recorded graph run
/// again.
/// </summary>
/// <remarks>
/// A block can be handed out while the work that used it last is still under way, because all that uses blocks runs in
/// one stream: kernels do, and transfers pass the copy stream on their way through staging memory of the driver's. (An
/// upload slot is filled by the copy stream, but keeps its block, and returns it when nothing is on its way there.) The
/// finalizer's thread also returns blocks, but never calls the driver: it would wait there for whatever that waits for.
/// </remarks>
internal sealed class GpuMemoryPool : BlockPool<GpuBlock>, IDisposable
{
    private const long Unit = 512;

    private readonly List<GpuBlock> _collectedBlocks = []; // of a driver that wants every block back
    private readonly IGpuDriver _driver;
    private readonly bool _keeps;
    private bool _isDisposed;

    /// <summary>Makes a pool.</summary>
    /// <param name="driver">Where memory comes from.</param>
    /// <param name="limit">Most bytes to take; null for what the environment says, or all there is.</param>
    /// <exception cref="DeviceMemoryException">The environment's limit is no size.</exception>
    public GpuMemoryPool(IGpuDriver driver, long? limit = null)
        : base(driver.Name, limit) =>
        (_driver, _keeps) = (driver, !driver.Properties.GuardsAllocations);

    public GpuStorage Rent(long sizeInBytes)
    {
        GpuBlock block = Take(_keeps ? SizeClass(sizeInBytes, smallest: Unit, Unit) : sizeInBytes);
        return new GpuStorage(this, block, sizeInBytes);
    }

    /// <summary>
    /// Gives all waiting blocks back to the device; what is returned from now on stays with the driver.
    /// </summary>
    public void Dispose()
    {
        lock (Gate)
        {
            Trim();
            FreeCollected();
            _isDisposed = true;
        }
    }

    protected override long SizeOf(GpuBlock block) => block.Size;

    protected override GpuBlock Allocate(long size)
    {
        FreeCollected();
        return new GpuBlock(_driver.Allocate(size), size);
    }

    protected override void Free(GpuBlock block) => _driver.Free(block.Address);

    protected override bool Keep(GpuBlock block, bool collected)
    {
        if (_keeps || _isDisposed)
        {
            return !_isDisposed; // the driver is gone, and the memory with it
        }

        if (collected)
        {
            _collectedBlocks.Add(block);
        }
        else
        {
            Free(block);
        }

        return false;
    }

    protected override bool IsOutOfMemory(Exception error) => error is GpuException { IsOutOfMemory: true };

    protected override (long InUse, long Total) Usage(Exception error) =>
        (((GpuException)error).MemoryInUse ?? Live, _driver.Properties.MemoryBytes);

    private void FreeCollected()
    {
        _collectedBlocks.ForEach(Free);
        _collectedBlocks.Clear();
    }
}
