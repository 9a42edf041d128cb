using System.Diagnostics.CodeAnalysis;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// What the CUDA backend needs from a device. The driver of real GPUs is <c>CudaDriver</c>; the emulator implements the
/// same calls on the CPU, so everything above them is tested without a GPU.
/// </summary>
/// <remarks>
/// Work is asynchronous unless a method says that it waits. Failed calls throw <see cref="GpuException"/>; failures of
/// asynchronous work may show at a later call. Any thread may call, also several at once (tests and data loaders do):
/// the driver makes its context current and puts the calls in some order. Dispose ends everything, takes all memory
/// back, and throws nothing.
/// </remarks>
public interface IGpuDriver : IDisposable
{
    /// <summary>The device's name on the command line: cuda or emulator.</summary>
    string Name { get; }

    /// <summary>The device's own description.</summary>
    GpuProperties Properties { get; }

    /// <summary>Takes memory from the device, aligned to at least 256 bytes.</summary>
    /// <exception cref="GpuException">
    /// With <see cref="GpuException.IsOutOfMemory"/> when there is not enough.
    /// </exception>
    nint Allocate(long sizeInBytes);

    /// <summary>Gives memory back once the work submitted so far has finished with it.</summary>
    void Free(nint address);

    /// <summary>Copies from the host. The source may be changed as soon as this returns.</summary>
    void CopyFromHost(ReadOnlySpan<byte> source, nint destination, GpuStream stream);

    /// <summary>Takes host memory that the device reads by itself; the caller disposes of it.</summary>
    /// <exception cref="GpuException">There is not enough.</exception>
    HostBuffer AllocateHost(int sizeInBytes);

    /// <summary>
    /// Copies from host memory without passing it on first: it must stay as it is until an event that was recorded in
    /// <paramref name="stream"/> afterwards has been reached.
    /// </summary>
    /// <param name="source">From <see cref="AllocateHost"/>.</param>
    /// <param name="sizeInBytes">How many bytes, from the first.</param>
    /// <param name="destination">Device address.</param>
    /// <param name="stream">Queue to copy in.</param>
    void CopyFromHost(HostBuffer source, int sizeInBytes, nint destination, GpuStream stream);

    /// <summary>Copies to the host and waits for it.</summary>
    void CopyToHost(nint source, Span<byte> destination, GpuStream stream);

    /// <summary>Copies within the device.</summary>
    void Copy(nint source, nint destination, long sizeInBytes, GpuStream stream);

    /// <summary>Sets every byte to one value.</summary>
    void Set(nint destination, byte value, long sizeInBytes, GpuStream stream);

    /// <summary>Compiles a module for this device, or takes it from the cache, and loads it.</summary>
    /// <exception cref="KernelCompilationException">The source does not compile.</exception>
    GpuModule Load(KernelModule module);

    /// <summary>Finds an entry of a module.</summary>
    GpuFunction GetFunction(GpuModule module, KernelEntry entry);

    /// <summary>Launches a kernel.</summary>
    /// <param name="function">Entry of a module that this driver has loaded.</param>
    /// <param name="grid">Blocks; none of the three is 0.</param>
    /// <param name="block">Threads of a block, at most 1024.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block.</param>
    /// <param name="stream">Queue to run in.</param>
    /// <param name="arguments">
    /// A <c>void**</c>: address of the address of each argument. Read before this returns.
    /// </param>
    void Launch(GpuFunction function, Dim3 grid, Dim3 block, int sharedBytes, GpuStream stream, nint arguments);

    /// <summary>Multiplies matrices.</summary>
    void MatMul(in GpuMatMul product, GpuStream stream);

    /// <summary>Makes an event.</summary>
    GpuEvent CreateEvent();

    /// <summary>Marks the end of the work submitted to a stream so far.</summary>
    void Record(GpuEvent marker, GpuStream stream);

    /// <summary>Makes later work of a stream wait for an event.</summary>
    void Wait(GpuEvent marker, GpuStream stream);

    /// <summary>Waits on the host until an event has been reached; at once if it was never recorded.</summary>
    void Synchronize(GpuEvent marker);

    /// <summary>Waits for the second event and returns the time between the two.</summary>
    TimeSpan Elapsed(GpuEvent start, GpuEvent end);

    /// <summary>Begins to record the compute stream's work instead of running it.</summary>
    void BeginCapture();

    /// <summary>Ends the recording.</summary>
    GpuGraph EndCapture();

    /// <summary>Runs recorded work again, on the same addresses.</summary>
    void Replay(GpuGraph graph);

    /// <summary>Waits for everything submitted so far.</summary>
    void Synchronize();

    /// <summary>Opens a named range in a profiler's timeline, if one is attached.</summary>
    void PushRange(string name);

    /// <summary>Closes the range opened last.</summary>
    void PopRange();
}

/// <summary>Blocks of a grid, or threads of a block, along three axes.</summary>
/// <param name="X">Along the fastest axis; at most 2³¹ − 1 blocks or 1024 threads.</param>
/// <param name="Y">Along the second axis; at most 65,535 blocks or 1024 threads.</param>
/// <param name="Z">Along the third axis; at most 65,535 blocks or 64 threads.</param>
public readonly record struct Dim3(int X, int Y = 1, int Z = 1)
{
    /// <summary>Product of the three.</summary>
    public long Count => (long)X * Y * Z;

    /// <summary>One dimension.</summary>
    public static implicit operator Dim3(int x) => new(x);

    /// <summary>Two dimensions.</summary>
    public static implicit operator Dim3((int X, int Y) pair) => new(pair.X, pair.Y);

    /// <summary>Three dimensions.</summary>
    public static implicit operator Dim3((int X, int Y, int Z) triple) => new(triple.X, triple.Y, triple.Z);

    /// <summary>The three in parentheses, as in CUDA's documentation.</summary>
    public override string ToString() => $"({X}, {Y}, {Z})";
}

/// <summary>What launchers and reports need to know about a device.</summary>
public sealed record GpuProperties
{
    /// <summary>The vendor's name of the device.</summary>
    public required string Name { get; init; }

    /// <summary>Compute capability, for example 9.0.</summary>
    public required Version ComputeCapability { get; init; }

    /// <summary>Number of streaming multiprocessors.</summary>
    public required int Multiprocessors { get; init; }

    /// <summary>Most shared memory that one block can have, in bytes; above 48 KiB a kernel must opt in.</summary>
    public required int SharedBytesPerBlock { get; init; }

    /// <summary>Device memory in bytes.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>
    /// Whether the driver wants each array to be an allocation of its own, so that it can guard its ends.
    /// </summary>
    public bool GuardsAllocations { get; init; }
}

/// <summary>The two queues of a device. Work within one runs in order.</summary>
[SuppressMessage("Naming", "CA1711", Justification = "CUDA's word for a queue.")]
public enum GpuStream
{
    /// <summary>Kernels and matrix products.</summary>
    Compute,

    /// <summary>Transfers that overlap with kernels.</summary>
    Copy,
}
