using System.Numerics;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Device blocks by size class, last returned first handed out: once a step's requests repeat, so do its addresses, which
/// is what lets a recorded graph run again.
/// </summary>
/// <remarks>
/// A block can be handed out while the work that used it last is still under way, because all that uses blocks runs in
/// one stream: kernels do, and transfers pass the copy stream on their way through staging memory of the driver's. (An
/// upload slot is filled by the copy stream, but keeps its block, and returns it when nothing is on its way there.) The
/// finalizer's thread also returns blocks, but never calls the driver: it would wait there for whatever that waits for.
/// </remarks>
internal sealed class GpuMemoryPool : IDisposable
{
    /// <summary>The environment variable that limits how much the pool may take from the device.</summary>
    public const string LimitVariable = "CUDAVIT_MEMORY_LIMIT";

    private const long SmallestClass = 512;

    private static readonly MemoryRole[] Roles = Enum.GetValues<MemoryRole>();

    private readonly Lock _gate = new();
    private readonly Dictionary<long, Stack<GpuBlock>> _free = [];
    private readonly List<GpuBlock> _collectedBlocks = []; // of a driver that wants every block back
    private readonly long[] _liveByRole = new long[Roles.Length];
    private readonly IGpuDriver _driver;
    private readonly bool _keeps;
    private readonly long? _limit;
    private long _live;
    private long _peak;
    private long _pooled;
    private long _requests;
    private long _collected;
    private bool _isDisposed;

    /// <summary>Makes a pool.</summary>
    /// <param name="driver">Where memory comes from.</param>
    /// <param name="limit">Most bytes to take; null for what the environment says, or all there is.</param>
    /// <exception cref="GpuException">The environment's limit is no size.</exception>
    public GpuMemoryPool(IGpuDriver driver, long? limit = null) => (_driver, _keeps, _limit) = (
        driver, !driver.Properties.GuardsAllocations, limit ?? LimitIn(Environment.GetEnvironmentVariable(LimitVariable)));

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
            var storage = new GpuStorage(this, block, sizeInBytes);
            _liveByRole[(int)storage.Role] += size;
            return storage;
        }
    }

    public void Return(GpuBlock block, MemoryRole role, bool collected)
    {
        lock (_gate)
        {
            _live -= block.Size;
            _liveByRole[(int)role] -= block.Size;
            _collected += collected ? 1 : 0;
            if (_isDisposed)
            {
                return; // the driver is gone, and the memory with it
            }

            if (!_keeps)
            {
                GiveBack(block, collected);
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

    public void ChangeRole(GpuBlock block, MemoryRole from, MemoryRole to)
    {
        lock (_gate)
        {
            _liveByRole[(int)from] -= block.Size;
            _liveByRole[(int)to] += block.Size;
        }
    }

    /// <summary>The limit that the environment's variable sets; null for none.</summary>
    /// <exception cref="GpuException">The text is no size.</exception>
    internal static long? LimitIn(string? text)
    {
        try
        {
            return string.IsNullOrWhiteSpace(text) ? null : MemorySize.Parse(text);
        }
        catch (FormatException error)
        {
            throw new GpuException($"{LimitVariable}: {error.Message}", error);
        }
    }

    /// <summary>Gives all waiting blocks back to the device; what is returned from now on stays with the driver.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            Trim();
            _isDisposed = true;
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
        FreeCollected();
        if (_free.TryGetValue(size, out Stack<GpuBlock>? blocks) && blocks.TryPop(out GpuBlock? block))
        {
            _pooled -= size;
            return block;
        }

        if (_pooled > 0 && _live + _pooled + size > _limit)
        {
            Trim();
        }

        if (_live + size > _limit)
        {
            throw OutOfMemory(size, null);
        }

        try
        {
            return new GpuBlock(_driver.Allocate(size), size);
        }
        catch (GpuException error) when (error.IsOutOfMemory && _pooled > 0)
        {
            Trim();
        }
        catch (GpuException error) when (error.IsOutOfMemory)
        {
            throw OutOfMemory(size, error);
        }

        try
        {
            return new GpuBlock(_driver.Allocate(size), size);
        }
        catch (GpuException error) when (error.IsOutOfMemory)
        {
            throw OutOfMemory(size, error);
        }
    }

    private void GiveBack(GpuBlock block, bool collected)
    {
        if (collected)
        {
            _collectedBlocks.Add(block);
        }
        else
        {
            _driver.Free(block.Address);
        }
    }

    private void FreeCollected()
    {
        _collectedBlocks.ForEach(block => _driver.Free(block.Address));
        _collectedBlocks.Clear();
    }

    private void Trim()
    {
        FreeCollected();
        foreach (GpuBlock block in _free.Values.SelectMany(blocks => blocks))
        {
            _driver.Free(block.Address);
        }

        _free.Clear();
        _pooled = 0;
    }

    private DeviceMemoryException OutOfMemory(long size, GpuException? error)
    {
        long total = error is null ? _limit!.Value : _driver.Properties.MemoryBytes;
        long inUse = error?.MemoryInUse ?? _live;
        List<string> holders = [.. Roles
            .Where(role => _liveByRole[(int)role] > 0)
            .OrderByDescending(role => _liveByRole[(int)role])
            .Select(role => $"{NameOf(role)} {MemorySize.Text(_liveByRole[(int)role])}")];

        // A few MiB are the context's own; more than that is worth a look at the other programs.
        if (inUse - _live > total / 50)
        {
            holders.Add($"libraries and other programs {MemorySize.Text(inUse - _live)}");
        }

        string message = $"{_driver.Name}: {MemorySize.Text(size)} for {NameOf(MemoryRoleScope.Current)} do not fit: "
            + $"{MemorySize.Text(inUse)} of {MemorySize.Text(total)} are in use"
            + (holders.Count > 0 ? $" ({string.Join(", ", holders)}). " : ". ")
            + "Use a smaller batch or image size, or bfloat16"
            + (error is null ? $", or raise {LimitVariable}." : ".");
        return error is null ? new DeviceMemoryException(message) : new DeviceMemoryException(message, error);
    }

    private static string NameOf(MemoryRole role) => role switch
    {
        MemoryRole.OptimizerState => "optimizer state",
        MemoryRole.Other => "other arrays",
        _ => role.ToString().ToLowerInvariant(),
    };
}
