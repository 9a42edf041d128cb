using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Tables of addresses for kernels that work on all parameters in one launch. A table stays on the device and is found
/// again as long as all of its addresses and sizes are the same, which they are once a step's requests for memory
/// repeat: then a step uploads nothing and allocates nothing.
/// </summary>
/// <remarks>
/// Building a table, and launching what reads it, is one critical section, <see cref="Gate"/>: a later upload may take
/// its memory, in stream order. A recorded graph reads the tables it was recorded with, so between its replays no more
/// than
/// <see cref="MostTables"/> other tables may come up.
/// </remarks>
internal sealed class SlotTables(IGpuDriver driver) : IDisposable
{
    // Elements of a block and words of an entry, as in common/slots.cuh.
    private const long Chunk = 4096;
    private const int WordsPerSlot = 8;

    // An optimizer has a few groups of parameters; each is a list of its own for the step, the average and the norms.
    private const int MostTables = 32;

    private readonly List<Uploaded> _tables = [];
    private long[] _words = [];
    private int _used;
    private long _blocks;
    private long _elements;
    private long _clock;

    /// <summary>Held from <see cref="Begin"/> to the launch.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Begins a table.</summary>
    public void Begin() => (_used, _blocks, _elements) = (0, 0, 0);

    /// <summary>Adds an entry.</summary>
    /// <param name="index">Its place in the caller's list.</param>
    /// <param name="parameter">Any number of elements; the other arrays have as many, or are null.</param>
    /// <param name="gradient">Read beside the parameter.</param>
    /// <param name="first">First state.</param>
    /// <param name="second">Second state.</param>
    public void Add(
        int index, NdArray parameter, NdArray? gradient = null, NdArray? first = null, NdArray? second = null)
    {
        if (_words.Length < _used + WordsPerSlot)
        {
            Array.Resize(ref _words, Math.Max(64 * WordsPerSlot, 2 * _words.Length));
        }

        Span<long> words = _words.AsSpan(_used, WordsPerSlot);
        words[0] = AddressOf(parameter);
        words[1] = AddressOf(gradient);
        words[2] = AddressOf(first);
        words[3] = AddressOf(second);
        words[4] = parameter.Count;
        words[5] = _blocks;
        words[6] = ((words[0] | words[1] | words[2] | words[3]) & 15) == 0 ? 1 : 0;
        words[7] = index;
        _used += WordsPerSlot;
        _blocks += (parameter.Count + Chunk - 1) / Chunk;
        _elements += parameter.Count;
    }

    /// <summary>Ends the table and returns it on the device, uploading it only if it is not there yet.</summary>
    /// <exception cref="ArgumentException">A grid cannot have that many blocks.</exception>
    public SlotTable End()
    {
        if (_blocks > int.MaxValue)
        {
            throw new ArgumentException($"{_elements} elements need a grid of more than 2^31 - 1 blocks of {Chunk}.");
        }

        if (_used == 0)
        {
            return default;
        }

        ReadOnlySpan<long> words = _words.AsSpan(0, _used);
        Uploaded table = Find(words) ?? Upload(words);
        table.LastUse = ++_clock;
        return new SlotTable(table.Address, _used / WordsPerSlot, (int)_blocks, _elements);
    }

    /// <summary>Gives the device's memory back.</summary>
    public void Dispose()
    {
        foreach (Uploaded table in _tables)
        {
            driver.Free(table.Address);
        }

        _tables.Clear();
    }

    private static long AddressOf(NdArray? array) => array is null ? 0 : GpuStorage.AddressOf(array);

    private Uploaded? Find(ReadOnlySpan<long> words)
    {
        foreach (Uploaded table in _tables)
        {
            if (table.Words.AsSpan().SequenceEqual(words))
            {
                return table;
            }
        }

        return null;
    }

    private Uploaded Upload(ReadOnlySpan<long> words)
    {
        Uploaded table;
        if (_tables.Count < MostTables)
        {
            _tables.Add(table = new Uploaded());
        }
        else
        {
            table = _tables.MinBy(other => other.LastUse)!;
        }

        if (table.Words.Length != words.Length)
        {
            if (table.Address != 0)
            {
                driver.Free(table.Address);
            }

            table.Words = new long[words.Length];
            table.Address = driver.Allocate(words.Length * sizeof(long));
        }

        words.CopyTo(table.Words);
        driver.CopyFromHost(MemoryMarshal.AsBytes(words), table.Address, GpuStream.Compute);
        return table;
    }

    private sealed class Uploaded
    {
        public long[] Words { get; set; } = [];

        public nint Address { get; set; }

        public long LastUse { get; set; }
    }
}

/// <summary>A table of slots in device memory, as <c>common/slots.cuh</c> reads it.</summary>
/// <param name="Address">Device address; may change hands at the next upload.</param>
/// <param name="Slots">Number of entries.</param>
/// <param name="Blocks">Chunks of all entries together: the grid of a launch.</param>
/// <param name="Elements">Elements of all entries together.</param>
internal readonly record struct SlotTable(nint Address, int Slots, int Blocks, long Elements);
