using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>
/// Blocks by size class, last returned first handed out: once a step's requests repeat, so do its addresses, and
/// nothing is allocated any more.
/// </summary>
/// <param name="poison">Whether to fill every block with 0xFF before handing it out.</param>
internal sealed class CpuMemoryPool(bool poison)
{
    private const int SmallestClass = 256;

    // A managed array's limit, less room for alignment and the last size class.
    private const long LargestBlock = (long)int.MaxValue - (1 << 20);

    private readonly Lock _gate = new();
    private readonly Dictionary<int, Stack<CpuBlock>> _free = [];
    private long _live;
    private long _peak;
    private long _pooled;
    private long _requests;
    private long _collected;

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

    public CpuStorage Rent(long sizeInBytes)
    {
        if (sizeInBytes > LargestBlock)
        {
            throw new DeviceMemoryException(
                $"cpu: one array would take {sizeInBytes} bytes, but this device's arrays hold at most {LargestBlock}. "
                + "Use a smaller batch or image size.");
        }

        int size = SizeClass((int)sizeInBytes);
        CpuBlock block = Take(size) ?? new CpuBlock(size);
        if (poison)
        {
            block.Bytes.Fill(0xFF);
        }

        return new CpuStorage(this, block, (int)sizeInBytes);
    }

    public void Return(CpuBlock block, bool collected)
    {
        lock (_gate)
        {
            _live -= block.Size;
            _pooled += block.Size;
            _collected += collected ? 1 : 0;
            if (!_free.TryGetValue(block.Size, out Stack<CpuBlock>? blocks))
            {
                _free.Add(block.Size, blocks = new Stack<CpuBlock>());
            }

            blocks.Push(block);
        }
    }

    /// <summary>
    /// Rounds up to a multiple of an eighth of the power of two below, so at most an eighth of a block goes unused.
    /// </summary>
    private static int SizeClass(int size)
    {
        if (size <= SmallestClass)
        {
            return SmallestClass;
        }

        int step = 1 << Math.Max(6, BitOperations.Log2((uint)size) - 3);
        return (int)Math.Min(LargestBlock, ((long)size + step - 1) / step * step);
    }

    private CpuBlock? Take(int size)
    {
        lock (_gate)
        {
            _requests++;
            _live += size;
            _peak = Math.Max(_peak, _live);
            if (_free.TryGetValue(size, out Stack<CpuBlock>? blocks) && blocks.TryPop(out CpuBlock? block))
            {
                _pooled -= size;
                return block;
            }

            return null;
        }
    }
}
