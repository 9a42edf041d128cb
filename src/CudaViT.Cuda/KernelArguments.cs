using System.Collections;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Arguments of one launch, in the order of the kernel's parameters, on the stack: filling and launching them allocates
/// nothing. Written as a collection: <c>new() { y, norm, x, epsilon, rows, width }</c>.
/// </summary>
/// <remarks>
/// An array becomes its address (null: the null pointer), a whole number 8 bytes of which the kernel reads as many as
/// its parameter has, a double <c>acc_t</c> of the build, a stream of random numbers the four parameters that
/// <c>philox</c> takes before and after the block (key, sample, epoch, purpose).
/// </remarks>
[SuppressMessage("Naming", "CA1710", Justification = "A collection only so that it can be written as one.")]
internal unsafe struct KernelArguments : IEnumerable
{
    /// <summary>Most arguments of one kernel.</summary>
    public const int MaximumCount = 40;

    private const int SlotCount = 96;

    private Slots _slots;
    private Starts _starts;
    private Kinds _kinds;
    private Arrays _arrays;
    private int _used;

    /// <summary>Number of arguments so far.</summary>
    public int Count { get; private set; }

    /// <summary>Adds the address of an array's first element; null becomes the null pointer.</summary>
    public void Add(NdArray? array)
    {
        Append(array is null ? 0 : GpuStorage.AddressOf(array), KernelParameterKind.Pointer);
        _arrays[Count - 1] = array;
    }

    /// <summary>Adds the address of an array's element, counted in row-major order.</summary>
    public void AddFrom(NdArray array, long index)
    {
        Append(GpuStorage.AddressOf(array) + (nint)(index * array.DType.SizeInBytes()), KernelParameterKind.Pointer);
        _arrays[Count - 1] = array;
    }

    /// <summary>Adds a whole number.</summary>
    public void Add(long value) => Append(value, KernelParameterKind.Integer);

    /// <summary>Adds a truth value.</summary>
    public void Add(bool value) => Append(value ? 1 : 0, KernelParameterKind.Integer);

    /// <summary>Adds a real number, which the launch converts to acc_t of its build.</summary>
    public void Add(double value) => Append(BitConverter.DoubleToInt64Bits(value), KernelParameterKind.Scalar);

    /// <summary>Adds key, sample, epoch and purpose of a stream.</summary>
    public void Add(RandomStream random)
    {
        PhiloxBlock counter = random.Counter(0);
        Append(unchecked((long)random.Key), KernelParameterKind.Integer);
        Append(counter.X1, KernelParameterKind.Integer);
        Append(counter.X2, KernelParameterKind.Integer);
        Append(counter.X3, KernelParameterKind.Integer);
    }

    /// <summary>Adds the address of a table of slots.</summary>
    public void Add(in SlotTable table) => Append(table.Address, KernelParameterKind.Pointer);

    /// <summary>Adds an address whose array the caller keeps alive.</summary>
    public void AddAddress(nint address) => Append(address, KernelParameterKind.Pointer);

    /// <summary>Adds a structure whose layout is the kernel's.</summary>
    public void AddStructure<T>(in T value)
        where T : unmanaged
    {
        int slots = (sizeof(T) + 7) / 8;
        Require(slots);
        MemoryMarshal.Write(MemoryMarshal.AsBytes(((Span<long>)_slots)[_used..]), in value);
        Finish(KernelParameterKind.Structure, slots);
    }

    /// <summary>
    /// Checks the arguments against the kernel's declaration and launches it. The arrays live until that is done.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// Number or kinds of the arguments are not those of the parameters.
    /// </exception>
    public readonly void Pass(
        GpuFunction function, Dim3 grid, Dim3 block, int sharedBytes, GpuStream stream, IGpuDriver driver)
    {
        Check(function.Entry);
        long* values = stackalloc long[SlotCount];
        void** addresses = stackalloc void*[MaximumCount];
        ((ReadOnlySpan<long>)_slots)[.._used].CopyTo(new Span<long>(values, SlotCount));
        for (int i = 0; i < Count; i++)
        {
            addresses[i] = values + _starts[i];
            if ((KernelParameterKind)_kinds[i] == KernelParameterKind.Scalar && function.Build != KernelBuild.F64)
            {
                *(float*)addresses[i] = (float)BitConverter.Int64BitsToDouble(values[_starts[i]]);
            }
        }

        driver.Launch(function, grid, block, sharedBytes, stream, (nint)addresses);

        // Until here: the collector sees no use of an array in its address, and would give its memory to somebody else.
        foreach (NdArray? array in ((ReadOnlySpan<NdArray?>)_arrays)[..Count])
        {
            GC.KeepAlive(array);
        }
    }

    /// <summary>The whole number that was passed for a parameter, for cost formulas.</summary>
    public readonly long IntegerFor(KernelEntry entry, string name)
    {
        for (int i = 0; i < Count; i++)
        {
            if (entry.Parameters[i].Name == name && entry.Parameters[i].Kind == KernelParameterKind.Integer)
            {
                return _slots[_starts[i]];
            }
        }

        throw new ArgumentException($"{entry} has no integer parameter {name}.", nameof(name));
    }

    readonly IEnumerator IEnumerable.GetEnumerator() =>
        throw new NotSupportedException("Arguments are written, not read.");

    private void Append(long value, KernelParameterKind kind)
    {
        Require(1);
        _slots[_used] = value;
        Finish(kind, 1);
    }

    private readonly void Require(int slots)
    {
        if (Count == MaximumCount || _used + slots > SlotCount)
        {
            throw new InvalidOperationException(
                $"A kernel takes at most {MaximumCount} arguments of {SlotCount * 8} bytes together.");
        }
    }

    private void Finish(KernelParameterKind kind, int slots)
    {
        _starts[Count] = (byte)_used;
        _kinds[Count] = (byte)kind;
        _used += slots;
        Count++;
    }

    private readonly void Check(KernelEntry entry)
    {
        if (Count != entry.Parameters.Count)
        {
            throw new ArgumentException(
                $"{entry} takes {entry.Parameters.Count} arguments, but the launcher passes {Count}.");
        }

        for (int i = 0; i < Count; i++)
        {
            if (entry.Parameters[i].Kind != (KernelParameterKind)_kinds[i])
            {
                throw new ArgumentException(
                    $"{entry}: parameter {i + 1}, {entry.Parameters[i].Name}, is a {entry.Parameters[i].Type}, "
                    + $"but the launcher passes a {(KernelParameterKind)_kinds[i]}.");
            }
        }
    }

    [InlineArray(SlotCount)]
    private struct Slots
    {
        private long _first;
    }

    [InlineArray(MaximumCount)]
    private struct Starts
    {
        private byte _first;
    }

    [InlineArray(MaximumCount)]
    private struct Arrays
    {
        private NdArray? _first;
    }

    [InlineArray(MaximumCount)]
    private struct Kinds
    {
        private byte _first;
    }
}
