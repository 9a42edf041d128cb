using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace CudaViT.Core;

/// <summary>
/// A device's memory in blocks by size class, last returned first handed out: once a step's requests repeat, so do its
/// addresses, and nothing is allocated any more. It keeps count of what the blocks are for, so that a device without
/// memory left can say what takes it.
/// </summary>
/// <remarks>
/// Before an array is refused, everything is tried that may make room: blocks that wait go back to the device, and the
/// garbage collector looks for arrays that nobody reaches any more.
/// </remarks>
/// <typeparam name="TBlock">Memory of one size class; outlives the storages that use it in turn.</typeparam>
public abstract class BlockPool<TBlock>
    where TBlock : class
{
    private static readonly MemoryRole[] Roles = Enum.GetValues<MemoryRole>();

    private readonly Dictionary<long, Stack<TBlock>> _free = [];
    private readonly long[] _liveByRole = new long[Roles.Length];
    private long _peak;
    private long _requests;
    private long _collected;

    /// <summary>Makes a pool.</summary>
    /// <param name="device">The device's name, for messages.</param>
    /// <param name="limit">Most bytes to take; null for what <see cref="MemoryLimit"/> says, or all there is.</param>
    /// <exception cref="DeviceMemoryException">The environment's limit is no size.</exception>
    protected BlockPool(string device, long? limit) => (Device, Limit) = (device, limit ?? MemoryLimit.OfEnvironment());

    /// <summary>State of the pool.</summary>
    public MemoryStatistics Statistics
    {
        get
        {
            lock (Gate)
            {
                return new MemoryStatistics(Live, _peak, Pooled, _requests, _collected);
            }
        }
    }

    /// <summary>The device's name, for messages.</summary>
    protected string Device { get; }

    /// <summary>Most bytes to take from the device; null for all there is.</summary>
    protected long? Limit { get; }

    /// <summary>Held while any of the pool's state is read or written.</summary>
    protected Lock Gate { get; } = new();

    /// <summary>Bytes of the blocks in use.</summary>
    protected long Live { get; private set; }

    /// <summary>Bytes of the blocks that wait to be used again.</summary>
    protected long Pooled { get; private set; }

    /// <summary>Counts a block in use as one of another role.</summary>
    public void ChangeRole(TBlock block, MemoryRole from, MemoryRole to)
    {
        lock (Gate)
        {
            _liveByRole[(int)from] -= SizeOf(block);
            _liveByRole[(int)to] += SizeOf(block);
        }
    }

    /// <summary>Takes a block back.</summary>
    /// <param name="block">What <see cref="Take"/> returned.</param>
    /// <param name="role">What it was used for.</param>
    /// <param name="collected">Whether the garbage collector found it: this is the finalizer's thread.</param>
    public void Return(TBlock block, MemoryRole role, bool collected)
    {
        lock (Gate)
        {
            long size = SizeOf(block);
            Live -= size;
            _liveByRole[(int)role] -= size;
            _collected += collected ? 1 : 0;
            if (!Keep(block, collected))
            {
                return;
            }

            Pooled += size;
            if (!_free.TryGetValue(size, out Stack<TBlock>? blocks))
            {
                _free.Add(size, blocks = new Stack<TBlock>());
            }

            blocks.Push(block);
        }
    }

    /// <summary>
    /// Rounds up to a multiple of an eighth of the power of two below, so at most an eighth of a block goes unused.
    /// </summary>
    /// <param name="size">Bytes asked for.</param>
    /// <param name="smallest">The smallest class.</param>
    /// <param name="unit">What every class is a multiple of.</param>
    protected static long SizeClass(long size, long smallest, long unit)
    {
        if (size <= smallest)
        {
            return smallest;
        }

        long step = Math.Max(unit, 1L << Math.Max(0, BitOperations.Log2((ulong)size) - 3));
        return (size + step - 1) / step * step;
    }

    /// <summary>Hands out a block for what <see cref="MemoryRoleScope.Current"/> says.</summary>
    /// <param name="size">Bytes of the block.</param>
    /// <exception cref="DeviceMemoryException">There is no room; the message says what takes it.</exception>
    protected TBlock Take(long size)
    {
        lock (Gate)
        {
            if (TryTake(size, out TBlock? block, out _))
            {
                return block;
            }
        }

        // Without the lock: the finalizer's thread needs it to return what it finds.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        lock (Gate)
        {
            return TryTake(size, out TBlock? block, out Exception? error) ? block : throw OutOfMemory(size, error);
        }
    }

    /// <summary>Gives all waiting blocks back to the device.</summary>
    protected virtual void Trim()
    {
        foreach (TBlock block in _free.Values.SelectMany(blocks => blocks))
        {
            Free(block);
        }

        _free.Clear();
        Pooled = 0;
    }

    /// <summary>Bytes of a block.</summary>
    protected abstract long SizeOf(TBlock block);

    /// <summary>Gets a block from the device, or throws.</summary>
    protected abstract TBlock Allocate(long size);

    /// <summary>Gives a block back to the device.</summary>
    protected abstract void Free(TBlock block);

    /// <summary>Whether a returned block waits to be used again; where it does not, this has seen to it.</summary>
    protected virtual bool Keep(TBlock block, bool collected) => true;

    /// <summary>Whether <see cref="Allocate"/> threw this because there was no memory.</summary>
    protected abstract bool IsOutOfMemory(Exception error);

    /// <summary>What the device has and how much of it is in use, by whomever, when it threw this.</summary>
    protected abstract (long InUse, long Total) Usage(Exception error);

    private bool TryTake(long size, [NotNullWhen(true)] out TBlock? block, out Exception? error)
    {
        error = null;
        if (_free.TryGetValue(size, out Stack<TBlock>? blocks) && blocks.TryPop(out block))
        {
            Pooled -= size;
        }
        else
        {
            if (Pooled > 0 && Live + Pooled + size > Limit)
            {
                Trim();
            }

            block = Live + size > Limit ? null : TryAllocate(size, out error);
            if (error is not null && Pooled > 0)
            {
                Trim();
                block = TryAllocate(size, out error);
            }
        }

        if (block is null)
        {
            return false;
        }

        _requests++;
        Live += size;
        _peak = Math.Max(_peak, Live);
        _liveByRole[(int)MemoryRoleScope.Current] += size;
        return true;
    }

    private TBlock? TryAllocate(long size, out Exception? error)
    {
        try
        {
            error = null;
            return Allocate(size);
        }
        catch (Exception e) when (IsOutOfMemory(e))
        {
            error = e;
            return null;
        }
    }

    private DeviceMemoryException OutOfMemory(long size, Exception? error)
    {
        (long inUse, long total) = error is null ? (Live, Limit!.Value) : Usage(error);
        List<string> holders = [.. Roles
            .Where(role => _liveByRole[(int)role] > 0)
            .OrderByDescending(role => _liveByRole[(int)role])
            .Select(role => $"{NameOf(role)} {MemorySize.Text(_liveByRole[(int)role])}")];

        // A few MiB are the libraries' own; more than that is worth a look at the other programs.
        if (inUse - Live > total / 50)
        {
            holders.Add($"libraries and other programs {MemorySize.Text(inUse - Live)}");
        }

        string message = $"{Device}: {MemorySize.Text(size)} for {NameOf(MemoryRoleScope.Current)} do not fit: "
            + $"{MemorySize.Text(inUse)} of {MemorySize.Text(total)} are in use"
            + (holders.Count > 0 ? $" ({string.Join(", ", holders)}). " : ". ")
            + "Use a smaller batch or image size, or bfloat16"
            + (error is null ? $", or raise {MemoryLimit.Variable}." : ".");
        return error is null ? new DeviceMemoryException(message) : new DeviceMemoryException(message, error);
    }

    private static string NameOf(MemoryRole role) => role switch
    {
        MemoryRole.OptimizerState => "optimizer state",
        MemoryRole.Other => "other arrays",
        _ => role.ToString().ToLowerInvariant(),
    };
}

/// <summary>The limit that the environment sets to what arrays may take of a device, whichever it is.</summary>
public static class MemoryLimit
{
    /// <summary>The environment variable: a size as <see cref="MemorySize.Parse"/> reads it.</summary>
    public const string Variable = "CUDAVIT_MEMORY_LIMIT";

    /// <summary>The limit in bytes; null for none.</summary>
    /// <exception cref="DeviceMemoryException">The text is no size.</exception>
    public static long? OfEnvironment() => Read(Environment.GetEnvironmentVariable(Variable));

    /// <summary>The limit that a text means; null for none.</summary>
    /// <exception cref="DeviceMemoryException">The text is no size.</exception>
    public static long? Read(string? text)
    {
        try
        {
            return string.IsNullOrWhiteSpace(text) ? null : MemorySize.Parse(text);
        }
        catch (FormatException error)
        {
            throw new DeviceMemoryException($"{Variable}: {error.Message}", error);
        }
    }
}

/// <summary>State of a backend's memory pool.</summary>
/// <param name="LiveBytes">Bytes of the blocks in use.</param>
/// <param name="PeakLiveBytes">Largest value of <paramref name="LiveBytes"/> so far.</param>
/// <param name="PooledBytes">Bytes of the blocks that wait to be used again.</param>
/// <param name="Requests">Number of blocks asked for so far.</param>
/// <param name="CollectedBlocks">
/// Blocks that neither a step scope nor a call of Release gave back: the garbage collector found them.
/// </param>
public readonly record struct MemoryStatistics(
    long LiveBytes, long PeakLiveBytes, long PooledBytes, long Requests, long CollectedBlocks);

/// <summary>A device has no memory left for an array, or the limit of what it may take cannot be read.</summary>
public sealed class DeviceMemoryException : Exception
{
    /// <summary>Makes an exception without a message.</summary>
    public DeviceMemoryException()
    {
    }

    /// <summary>Makes an exception that says how much was asked for and what to do.</summary>
    public DeviceMemoryException(string message)
        : base(message)
    {
    }

    /// <summary>Makes an exception with a cause.</summary>
    public DeviceMemoryException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
