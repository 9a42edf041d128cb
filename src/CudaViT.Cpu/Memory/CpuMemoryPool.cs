using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>Blocks of host memory by size class.</summary>
internal sealed class CpuMemoryPool : BlockPool<CpuBlock>
{
    private const int SmallestClass = 256;

    // A managed array's limit, less room for alignment and the last size class.
    private const long LargestBlock = (long)int.MaxValue - (1 << 20);

    private readonly bool _poison;
    private readonly Func<int, CpuBlock> _allocate;

    /// <summary>Makes a pool.</summary>
    /// <param name="poison">Whether to fill every block with 0xFF before handing it out.</param>
    /// <param name="limit">Most bytes to take; null for what the environment says, or all there is.</param>
    /// <param name="allocate">Where blocks come from; null for the managed heap.</param>
    /// <exception cref="DeviceMemoryException">The environment's limit is no size.</exception>
    public CpuMemoryPool(bool poison, long? limit = null, Func<int, CpuBlock>? allocate = null)
        : base("cpu", limit) =>
        (_poison, _allocate) = (poison, allocate ?? (size => new CpuBlock(size)));

    public CpuStorage Rent(long sizeInBytes)
    {
        if (sizeInBytes > LargestBlock)
        {
            throw new DeviceMemoryException(
                $"{Device}: one array would take {MemorySize.Text(sizeInBytes)}, but this device's arrays hold at most "
                + $"{MemorySize.Text(LargestBlock)}. Use a smaller batch or image size.");
        }

        CpuBlock block = Take(Math.Min(LargestBlock, SizeClass(sizeInBytes, SmallestClass, CpuBlock.Alignment)));
        if (_poison)
        {
            block.Bytes.Fill(0xFF);
        }

        return new CpuStorage(this, block, (int)sizeInBytes);
    }

    protected override long SizeOf(CpuBlock block) => block.Size;

    protected override CpuBlock Allocate(long size) => _allocate((int)size);

    protected override void Free(CpuBlock block)
    {
        // Nobody refers to it any more: the collector has it once Trim is done.
    }

    protected override void Trim()
    {
        base.Trim();
        GC.Collect();
    }

    protected override bool IsOutOfMemory(Exception error) => error is OutOfMemoryException;

    protected override (long InUse, long Total) Usage(Exception error)
    {
        // The total is the machine's, or what a container or a setting of the runtime leaves to this process. The load
        // is the machine's, too, and says nothing where the total is less than it.
        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        long total = memory.TotalAvailableMemoryBytes;
        long inUse = memory.MemoryLoadBytes <= total ? memory.MemoryLoadBytes : 0;
        return (Math.Max(inUse, Math.Max(Live, GC.GetTotalMemory(forceFullCollection: false))), total);
    }
}
