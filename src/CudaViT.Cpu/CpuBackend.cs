using CudaViT.Core;

namespace CudaViT.Cpu;

/// <summary>
/// Operations in managed code with SIMD and threads: the default where there is no GPU, the readable reference, and the
/// oracle of every kernel test. Each file in <c>Ops/</c> adds one operation.
/// </summary>
/// <remarks>
/// F64 and F32 are computed in their own precision. BF16 is a storage type, as on a GPU: operands are widened to F32,
/// results are rounded to BF16 once, row statistics stay F32. Results do not depend on the number of threads.
/// </remarks>
public sealed partial class CpuBackend : IBackend
{
    private readonly CpuMemoryPool _pool;
    private readonly WorkerTeam _team;

    /// <summary>Makes a backend with a pool and threads of its own.</summary>
    /// <param name="threads">Compute threads, the caller's included; null for one per processor.</param>
    /// <param name="poison">
    /// Fill every fresh block with 0xFF, which is NaN in all floating-point types: reads of what nobody wrote show up.
    /// </param>
    /// <param name="memoryLimit">
    /// Most bytes that arrays may take together; null for what CUDAVIT_MEMORY_LIMIT says (for example 8GiB), or all
    /// there is.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="threads"/> is not positive.</exception>
    /// <exception cref="DeviceMemoryException">CUDAVIT_MEMORY_LIMIT is no size.</exception>
    public CpuBackend(int? threads = null, bool poison = false, long? memoryLimit = null)
    {
        Threads = threads ?? Environment.ProcessorCount;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Threads, nameof(threads));
        _pool = new CpuMemoryPool(poison, memoryLimit);
        _team = new WorkerTeam(Threads);
    }

    /// <inheritdoc/>
    public string Name => "cpu";

    /// <summary>Number of compute threads.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public int ComputeThreads => Threads;

    /// <inheritdoc/>
    public MemoryStatistics Memory => _pool.Statistics;

    /// <inheritdoc/>
    public void Synchronize()
    {
        // Methods return when they are done.
    }

    /// <inheritdoc/>
    public Storage Allocate(long sizeInBytes) => _pool.Rent(sizeInBytes);

    /// <inheritdoc/>
    public HostBuffer AllocateHost(int sizeInBytes) => HostBuffer.Managed(sizeInBytes);

    /// <inheritdoc/>
    public UploadSlot NewUploadSlot(Shape shape, DType dtype) => new CpuUploadSlot(this, shape, dtype);

    /// <inheritdoc/>
    public void CopyFromHost(ReadOnlySpan<byte> source, NdArray destination) => source.CopyTo(destination.Bytes());

    /// <inheritdoc/>
    public void CopyToHost(NdArray source, Span<byte> destination) => source.Bytes().CopyTo(destination);

    /// <inheritdoc/>
    public void Copy(NdArray source, NdArray destination) => source.Bytes().CopyTo(destination.Bytes());

    /// <summary>Ends the compute threads. Arrays stay readable.</summary>
    public void Dispose() => _team.Dispose();

    private NdArray Empty(Shape shape, DType dtype) => NdArray.Empty(this, shape, dtype);

    /// <summary>The array itself, or for BF16 its values in F32: the form in which an operation computes.</summary>
    private NdArray Widen(NdArray x) => x.DType == DType.BF16 ? Cast(x, DType.F32) : x;

    /// <summary><see cref="Widen(NdArray)"/> for an operand that may be absent.</summary>
    private NdArray? WidenIfAny(NdArray? x) => x is null ? null : Widen(x);

    /// <summary>Rounds a result that was computed in F32 to BF16, and gives the wide one's memory back.</summary>
    private NdArray Narrow(NdArray wide)
    {
        NdArray narrow = Cast(wide, DType.BF16);
        wide.Storage.Release();
        return narrow;
    }

    /// <summary><see cref="Narrow(NdArray)"/> for a result that may not have been asked for.</summary>
    private NdArray? NarrowIfAny(NdArray? wide) => wide is null ? null : Narrow(wide);
}
