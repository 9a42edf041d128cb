using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Emulator;

/// <summary>
/// A device made of this machine's CPU: runs the kernels of <c>kernels/</c>, compiled by the host's C++ compiler, with
/// a fiber for each CUDA thread, and checks what they do.
/// </summary>
/// <remarks>
/// Errors of kernels are <see cref="GpuException"/>s that name operation, kernel, block, thread and line; the driver
/// can be used afterwards. Shuffles, barriers and tensor-core instructions behave as on compute capability 8.0.
/// </remarks>
public sealed unsafe partial class EmulatorDriver : IGpuDriver
{
    private const int LargestBlock = 1024;
    private const int SharedBytesPerBlock = 232448;
    private const int ArgumentAlignment = 16;

    private static ulong _owners;

    private readonly Lock _gate = new();
    private readonly EmulatorOptions _options;
    private readonly KernelCatalog? _given;
    private readonly ModuleCompiler _compiler;
    private readonly EmulatorRuntime _runtime;
    private readonly int _workers;
    private readonly ulong _owner = Interlocked.Increment(ref _owners);
    private readonly Dictionary<nint, long> _allocations = [];
    private readonly List<(nint Address, long ComputeEnd, long CopyEnd)> _leaving = [];
    private readonly Queue<DeviceWork>[] _queues = [new(), new()];
    private readonly long[] _submitted = new long[2];
    private readonly Dictionary<KernelModule, EmulatorModule> _modules = [];
    private readonly Stack<string> _ranges = new();
    private KernelCatalog? _catalog;
    private List<DeviceWork>? _recording;
    private long _allocatedBytes;
    private ulong _launches;
    private bool _damage; // seen around an allocation when it was freed
    private bool _disposed;

    /// <summary>Makes a device.</summary>
    /// <param name="options">How to run kernels; null for the defaults.</param>
    /// <param name="kernels">Where matrix products come from; null for the built-in kernels.</param>
    /// <exception cref="GpuException">The emulator cannot run here; see <see cref="Unavailable"/>.</exception>
    public EmulatorDriver(EmulatorOptions? options = null, KernelCatalog? kernels = null)
    {
        _options = options ?? new EmulatorOptions();
        _given = kernels;
        _workers = _options.Workers > 0 ? _options.Workers : Math.Min(8, Environment.ProcessorCount);
        if (WhyNotHere() is { } reason)
        {
            throw new GpuException(reason);
        }

        HostCompiler compiler = HostCompiler.Find(_options.Compiler)
            ?? throw new GpuException(NoCompiler(_options.Compiler));
        _compiler = new ModuleCompiler(compiler, new CompilationCache(_options.CacheDirectory), _options.Checked);
        _runtime = EmulatorRuntime.Load(_compiler.Runtime);
        Properties = new GpuProperties
        {
            Name = $"CUDA emulator ({(_options.Checked ? "checked" : "plain")}, {_workers} threads, "
                + $"{compiler.Version})",
            ComputeCapability = new Version(8, 0),
            Multiprocessors = 4, // few, so that kernels sized by it also loop
            SharedBytesPerBlock = SharedBytesPerBlock,
            MemoryBytes = _options.MemoryBytes,
            GuardsAllocations = _options.Checked,
        };
    }

    /// <summary>Why the emulator cannot run on this machine, in a sentence; null where it can.</summary>
    public static string? Unavailable => WhyNotHere() ?? (HostCompiler.Find(null) is null ? NoCompiler(null) : null);

    /// <summary>The C++ compiler that kernels are compiled with; null where there is none.</summary>
    public static (string Program, string Version)? Compiler =>
        HostCompiler.Find(null) is { } compiler ? (compiler.Path, compiler.Version) : null;

    /// <inheritdoc/>
    public string Name => "emulator";

    /// <inheritdoc/>
    public GpuProperties Properties { get; }

    private KernelCatalog Kernels => _catalog ??= _given ?? new KernelCatalog(KernelSources.BuiltIn());

    /// <summary>Compiles modules ahead of their use, several at a time.</summary>
    /// <exception cref="KernelCompilationException">One of them does not compile.</exception>
    public void Prepare(IEnumerable<KernelModule> modules)
    {
        try
        {
            Parallel.ForEach(modules, module => _compiler.Compile(module));
        }
        catch (AggregateException error) when (error.InnerException is KernelCompilationException)
        {
            throw error.InnerException;
        }
    }

    /// <inheritdoc/>
    public nint Allocate(long sizeInBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeInBytes);
        lock (_gate)
        {
            if (_allocatedBytes + sizeInBytes > _options.MemoryBytes
                || _runtime.Allocate(sizeInBytes, _owner, _options.Checked) is var address && address == 0)
            {
                throw new GpuException(
                    $"The emulator has no {sizeInBytes:N0} bytes left; "
                    + $"{_allocatedBytes:N0} of {_options.MemoryBytes:N0} are taken.")
                {
                    IsOutOfMemory = true,
                };
            }

            _allocations.Add(address, sizeInBytes);
            _allocatedBytes += sizeInBytes;
            return address;
        }
    }

    /// <inheritdoc/>
    public void Free(nint address)
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return; // an array that the collector has found after the device was gone
            }

            if (!_allocations.Remove(address, out long size))
            {
                throw new GpuException($"Free: 0x{address:x} is no allocation of this device.");
            }

            _allocatedBytes -= size;
            _leaving.Add((address, _submitted[0], _submitted[1]));
            FreeWhatIsDone();
        }
    }

    /// <inheritdoc/>
    public void CopyFromHost(ReadOnlySpan<byte> source, nint destination, GpuStream stream)
    {
        lock (_gate)
        {
            if (_recording is not null && stream == GpuStream.Compute)
            {
                throw new GpuException("CopyFromHost: a copy from the host cannot be recorded in a graph.");
            }

            if (_options.Lazy)
            {
                Submit(new UploadWork(source.ToArray(), destination) { Label = Label("CopyFromHost") }, stream);
            }
            else
            {
                Upload(source, destination, Label("CopyFromHost"));
            }
        }
    }

    /// <inheritdoc/>
    public HostBuffer AllocateHost(int sizeInBytes) => HostBuffer.Managed(sizeInBytes);

    /// <inheritdoc/>
    public void CopyFromHost(HostBuffer source, int sizeInBytes, nint destination, GpuStream stream)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(sizeInBytes, source.SizeInBytes);
        lock (_gate)
        {
            RefuseWhileRecording("CopyFromHost");
            Submit(
                new BufferUploadWork(source, sizeInBytes, destination) { Label = Label("CopyFromHost") }, stream);
        }
    }

    /// <inheritdoc/>
    public void CopyToHost(nint source, Span<byte> destination, GpuStream stream)
    {
        lock (_gate)
        {
            RefuseWhileRecording("CopyToHost");
            RunQueue(stream);
            string label = Label("CopyToHost");
            Require(source, destination.Length, label);
            if (_runtime.FirstUnwritten(source, destination.Length, _owner) is var offset and not -1)
            {
                ulong number = _runtime.AllocationNumber(source, _owner, out _);
                throw new GpuException(
                    $"{label}: reads byte {offset} of allocation #{number}, which nobody has written.");
            }

            new ReadOnlySpan<byte>((void*)source, destination.Length).CopyTo(destination);
        }
    }

    /// <inheritdoc/>
    public void Copy(nint source, nint destination, long sizeInBytes, GpuStream stream)
    {
        lock (_gate)
        {
            Submit(new CopyWork(source, destination, sizeInBytes) { Label = Label("Copy") }, stream);
        }
    }

    /// <inheritdoc/>
    public void Set(nint destination, byte value, long sizeInBytes, GpuStream stream)
    {
        lock (_gate)
        {
            Submit(new SetWork(destination, value, sizeInBytes) { Label = Label("Set") }, stream);
        }
    }

    /// <inheritdoc/>
    public void Synchronize()
    {
        lock (_gate)
        {
            RefuseWhileRecording("Synchronize");
            RunQueue(GpuStream.Compute);
            RunQueue(GpuStream.Copy);
            if (_damage | _runtime.BrokenGuard(0, _owner) != 0)
            {
                _damage = false;
                throw new GpuException("Something wrote just outside an allocation. The checked emulator says what.");
            }
        }
    }

    /// <inheritdoc/>
    public void PushRange(string name)
    {
        lock (_gate)
        {
            _ranges.Push(name);
        }
    }

    /// <inheritdoc/>
    public void PopRange()
    {
        lock (_gate)
        {
            _ranges.Pop();
        }
    }

    /// <summary>Drops work that has not run and gives all memory back.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            Abandon();
            foreach (nint address in _allocations.Keys)
            {
                _runtime.Free(address, _owner);
            }

            _allocations.Clear();
            foreach (EmulatorModule module in _modules.Values)
            {
                NativeMemory.Free(module.Native);
            }

            _modules.Clear();
        }
    }

    private static string? WhyNotHere() =>
        !OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64
            ? "The CUDA emulator needs Linux on x86-64."
            : !Avx2.IsSupported || !Fma.IsSupported ? "The CUDA emulator needs a processor with AVX2 and FMA."
            : null;

    private static string NoCompiler(string? wanted) =>
        $"The CUDA emulator needs g++ {HostCompiler.OldestGcc} or clang++ {HostCompiler.OldestClang} or newer; "
        + $"{(wanted is null ? "none of CXX, g++ and clang++ is one" : $"{wanted} is none")}. Install g++.";

    private string Label(string what) => _ranges.TryPeek(out string? range) ? $"{range}: {what}" : what;

    private void RefuseWhileRecording(string call)
    {
        if (_recording is not null)
        {
            throw new GpuException($"{call}: not possible between BeginCapture and EndCapture.");
        }
    }

    private void Upload(ReadOnlySpan<byte> source, nint destination, string label)
    {
        Require(destination, source.Length, label);
        source.CopyTo(new Span<byte>((void*)destination, source.Length));
        _runtime.MarkWritten(destination, 0, source.Length, _owner);
    }

    private void Require(nint address, long size, string label)
    {
        if (!_runtime.Owns(address, size, _owner))
        {
            string place = _runtime.AllocationNumber(address, _owner, out ulong length) is var number and not 0
                ? $"; the nearest allocation before it is #{number} with {length:N0} bytes"
                : "";
            throw new GpuException($"{label}: {size:N0} bytes at 0x{address:x} are no device memory{place}.");
        }
    }
}
