using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using CudaViT.Core;

namespace CudaViT.Cuda;

/// <summary>
/// Operations as CUDA kernels on any <see cref="IGpuDriver"/>: geometry and arguments of every launch, no mathematics.
/// Each file in <c>Ops/</c> launches the kernels of the file of the same name in <c>kernels/</c>.
/// </summary>
public sealed partial class CudaBackend : IBackend
{
    private const int WarpSize = 32;

    // Rows of a block in kernels that give each row a warp.
    private const int RowsPerBlock = 4;

    private readonly IGpuDriver _driver;
    private readonly GpuMemoryPool _pool;
    private readonly SlotTables _tables;
    private readonly Dictionary<KernelModule, GpuModule> _modules = [];
    private readonly ConcurrentDictionary<(string Entry, KernelBuild Build), GpuFunction> _functions = [];
    private readonly Lock _loading = new();

    /// <summary>Makes a backend.</summary>
    /// <param name="driver">The device; the backend disposes of it.</param>
    /// <param name="kernels">The kernels to run; null for the built-in ones.</param>
    /// <param name="memoryLimit">
    /// Most bytes of the device's memory that arrays may take together; null for what CUDAVIT_MEMORY_LIMIT says (for
    /// example 8GiB), or all there is.
    /// </param>
    /// <exception cref="DeviceMemoryException">CUDAVIT_MEMORY_LIMIT is no size.</exception>
    public CudaBackend(IGpuDriver driver, KernelCatalog? kernels = null, long? memoryLimit = null)
    {
        ArgumentNullException.ThrowIfNull(driver);
        _driver = driver;
        _pool = new GpuMemoryPool(driver, memoryLimit);
        _tables = new SlotTables(driver);
        Kernels = kernels ?? new KernelCatalog(KernelSources.BuiltIn());
    }

    /// <inheritdoc/>
    public string Name => _driver.Name;

    /// <inheritdoc/>
    public int ComputeThreads => 1;

    /// <summary>The device.</summary>
    public IGpuDriver Driver => _driver;

    /// <summary>The kernels in use.</summary>
    public KernelCatalog Kernels { get; }

    /// <inheritdoc/>
    public MemoryStatistics Memory => _pool.Statistics;

    /// <inheritdoc/>
    public void Synchronize() => _driver.Synchronize();

    /// <inheritdoc/>
    public Storage Allocate(long sizeInBytes) => _pool.Rent(sizeInBytes);

    /// <inheritdoc/>
    public HostBuffer AllocateHost(int sizeInBytes) => _driver.AllocateHost(sizeInBytes);

    /// <inheritdoc/>
    public UploadSlot NewUploadSlot(Shape shape, DType dtype) => new GpuUploadSlot(this, _driver, shape, dtype);

    /// <inheritdoc/>
    public void CopyFromHost(ReadOnlySpan<byte> source, NdArray destination)
    {
        ArgumentNullException.ThrowIfNull(destination);
        if (destination.Count > 0)
        {
            _driver.CopyFromHost(source, GpuStorage.AddressOf(destination), GpuStream.Compute);
        }

        GC.KeepAlive(destination);
    }

    /// <inheritdoc/>
    public void CopyToHost(NdArray source, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Count > 0)
        {
            _driver.CopyToHost(GpuStorage.AddressOf(source), destination, GpuStream.Compute);
        }

        GC.KeepAlive(source);
    }

    /// <inheritdoc/>
    public void Copy(NdArray source, NdArray destination)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(destination);
        if (source.Count > 0)
        {
            _driver.Copy(
                GpuStorage.AddressOf(source), GpuStorage.AddressOf(destination), source.SizeInBytes,
                GpuStream.Compute);
        }

        GC.KeepAlive(source);
        GC.KeepAlive(destination);
    }

    /// <summary>
    /// Ends the device's work and gives its memory back. Throws nothing, even after a kernel has faulted.
    /// </summary>
    public void Dispose()
    {
        _tables.Dispose();
        _pool.Dispose();
        _driver.Dispose();
    }

    private NdArray Empty(Shape shape, DType dtype) => NdArray.Empty(this, shape, dtype);

    /// <summary>Blocks of <paramref name="size"/> that cover <paramref name="count"/> items.</summary>
    /// <exception cref="ArgumentException">One axis of a grid cannot be that long.</exception>
    private static int BlocksFor(long count, long size)
    {
        long blocks = (count + size - 1) / size;
        return blocks <= int.MaxValue
            ? (int)blocks
            : throw new ArgumentException(
                $"{count} items in blocks of {size} need a grid of more than 2^31 - 1 blocks.");
    }

    /// <summary>
    /// Whether every array starts at a multiple of 16 bytes and <paramref name="width"/> elements (a row, or all of
    /// them) are a whole number of 16-byte packs, so that the vectorized sibling of a kernel may run.
    /// </summary>
    private static bool IsPacked(long width, params ReadOnlySpan<NdArray?> arrays)
    {
        foreach (NdArray? array in arrays)
        {
            if (array is not null
                && ((GpuStorage.AddressOf(array) & 15) != 0 || width * array.DType.SizeInBytes() % 16 != 0))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Opens a range in the profiler's timeline, named like the calling method, until it is disposed of.
    /// </summary>
    private ProfilerRange Range([CallerMemberName] string name = "") => new(_driver, name);

    /// <summary>Launches a kernel in the compute stream.</summary>
    /// <param name="entry">Its name.</param>
    /// <param name="dtype">Type to compute with.</param>
    /// <param name="grid">Blocks; a launch without blocks is an error, so return early on empty arrays.</param>
    /// <param name="block">Threads of a block.</param>
    /// <param name="arguments">Outputs, saved outputs, inputs, scalars, sizes, as declared.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block.</param>
    private void Launch(
        string entry, DType dtype, Dim3 grid, Dim3 block, in KernelArguments arguments, int sharedBytes = 0) =>
        Launch(entry, KernelBuilds.For(dtype), grid, block, arguments, sharedBytes);

    /// <inheritdoc cref="Launch(string, DType, Dim3, Dim3, in KernelArguments, int)"/>
    private void Launch(
        string entry, KernelBuild build, Dim3 grid, Dim3 block, in KernelArguments arguments, int sharedBytes = 0) =>
        arguments.Pass(Function(entry, build), grid, block, sharedBytes, GpuStream.Compute, _driver);

    private GpuFunction Function(string entry, KernelBuild build) =>
        _functions.TryGetValue((entry, build), out GpuFunction? function) ? function : LoadFunction(entry, build);

    private GpuFunction LoadFunction(string entry, KernelBuild build)
    {
        lock (_loading)
        {
            (KernelFile file, KernelEntry found) = Kernels.Find(entry);
            var module = new KernelModule(file, build);
            if (!_modules.TryGetValue(module, out GpuModule? loaded))
            {
                _modules.Add(module, loaded = _driver.Load(module));
            }

            return _functions.GetOrAdd((entry, build), _driver.GetFunction(loaded, found));
        }
    }

    /// <summary>A range in the profiler's timeline.</summary>
    private readonly struct ProfilerRange : IDisposable
    {
        private readonly IGpuDriver _driver;

        public ProfilerRange(IGpuDriver driver, string name)
        {
            _driver = driver;
            driver.PushRange(name);
        }

        public void Dispose() => _driver.PopRange();
    }
}
