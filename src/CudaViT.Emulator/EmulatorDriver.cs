using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using System.Text;
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
public sealed unsafe class EmulatorDriver : IGpuDriver
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
                    $"The emulator has no {sizeInBytes:N0} bytes left; {_allocatedBytes:N0} of {_options.MemoryBytes:N0} "
                    + "are taken.")
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
    public GpuModule Load(KernelModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        lock (_gate)
        {
            if (!_modules.TryGetValue(module, out EmulatorModule? loaded))
            {
                string path = _compiler.Compile(module);
                loaded = new EmulatorModule(NativeLibrary.Load(path), _runtime) { Source = module };
                _modules.Add(module, loaded);
            }

            return loaded;
        }
    }

    /// <inheritdoc/>
    public GpuFunction GetFunction(GpuModule module, KernelEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        var own = (EmulatorModule)module;
        return own.Kernels.TryGetValue(entry.Name, out nint kernel)
            ? new EmulatorFunction
            {
                Entry = entry,
                Build = own.Source.Build,
                Module = own,
                Kernel = (NativeKernel*)kernel,
            }
            : throw new GpuException($"{own.Source} has no kernel {entry}.");
    }

    /// <inheritdoc/>
    public void Launch(GpuFunction function, Dim3 grid, Dim3 block, int sharedBytes, GpuStream stream, nint arguments)
    {
        var own = (EmulatorFunction)function;
        lock (_gate)
        {
            string label = Label($"{own.Entry.Name} ({own.Build.ToString().ToLowerInvariant()})");
            CheckLimits(own, grid, block, sharedBytes, label);
            (byte[] values, int[] starts) = CopyArguments(own, (void**)arguments);
            Submit(new LaunchWork(own, grid, block, sharedBytes, values, starts) { Label = label }, stream);
        }
    }

    /// <inheritdoc/>
    public void MatMul(in GpuMatMul product, GpuStream stream) => PlainMatMul.Launch(this, FindKernel, product, stream);

    /// <inheritdoc/>
    public GpuEvent CreateEvent() => new EmulatorEvent();

    /// <inheritdoc/>
    public void Record(GpuEvent marker, GpuStream stream)
    {
        var own = (EmulatorEvent)marker;
        lock (_gate)
        {
            own.Stream = stream;
            Submit(new MarkWork(own, ++own.Recorded) { Label = Label("Record") }, stream);
        }
    }

    /// <inheritdoc/>
    public void Wait(GpuEvent marker, GpuStream stream)
    {
        var own = (EmulatorEvent)marker;
        lock (_gate)
        {
            Submit(new WaitWork(own, own.Recorded) { Label = Label("Wait") }, stream);
        }
    }

    /// <inheritdoc/>
    public TimeSpan Elapsed(GpuEvent start, GpuEvent end)
    {
        (var first, var last) = ((EmulatorEvent)start, (EmulatorEvent)end);
        lock (_gate)
        {
            RefuseWhileRecording("Elapsed");
            RunUntil(first, first.Recorded);
            RunUntil(last, last.Recorded);
            return first.Recorded > 0 && last.Recorded > 0
                ? Stopwatch.GetElapsedTime(first.Timestamp, last.Timestamp)
                : throw new GpuException("Elapsed: an event has not been recorded.");
        }
    }

    /// <inheritdoc/>
    public void BeginCapture()
    {
        lock (_gate)
        {
            RefuseWhileRecording("BeginCapture");
            _recording = [];
        }
    }

    /// <inheritdoc/>
    public GpuGraph EndCapture()
    {
        lock (_gate)
        {
            List<DeviceWork> work = _recording ?? throw new GpuException("EndCapture: no recording has begun.");
            _recording = null;
            return new EmulatorGraph(work);
        }
    }

    /// <inheritdoc/>
    public void Replay(GpuGraph graph)
    {
        lock (_gate)
        {
            RefuseWhileRecording("Replay");
            foreach (DeviceWork work in ((EmulatorGraph)graph).Work)
            {
                Submit(work, GpuStream.Compute);
            }
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

    private static (byte[] Values, int[] Starts) CopyArguments(EmulatorFunction function, void** arguments)
    {
        int[] starts = new int[function.Kernel->ParameterCount];
        int used = 0;
        for (int i = 0; i < starts.Length; i++)
        {
            starts[i] = used;
            used += ((int)function.Kernel->ParameterSizes[i] + ArgumentAlignment - 1) & -ArgumentAlignment;
        }

        byte[] values = new byte[used];
        for (int i = 0; i < starts.Length; i++)
        {
            var argument = new ReadOnlySpan<byte>(arguments[i], (int)function.Kernel->ParameterSizes[i]);
            argument.CopyTo(values.AsSpan(starts[i]));
        }

        return (values, starts);
    }

    private static void CheckLimits(EmulatorFunction function, Dim3 grid, Dim3 block, int sharedBytes, string label)
    {
        if (grid is not { X: > 0, Y: > 0 and <= 65535, Z: > 0 and <= 65535 })
        {
            throw new GpuException(
                $"{label}: a grid of {grid} blocks; each axis needs at least 1, y and z at most 65,535.");
        }

        if (block is not { X: > 0, Y: > 0, Z: > 0 and <= 64 } || block.Count > LargestBlock)
        {
            throw new GpuException(
                $"{label}: a block of {block} threads; it needs 1 to {LargestBlock}, and at most 64 along z.");
        }

        long shared = sharedBytes + (long)function.Module.Native->SharedBytes;
        if (sharedBytes < 0 || shared > SharedBytesPerBlock)
        {
            throw new GpuException(
                $"{label}: {sharedBytes:N0} bytes of dynamic shared memory and "
                + $"{function.Module.Native->SharedBytes:N0} of the module's are more than the {SharedBytesPerBlock:N0} of a block.");
        }
    }

    private GpuFunction FindKernel(string name, KernelBuild build)
    {
        (KernelFile file, KernelEntry entry) = Kernels.Find(name);
        return GetFunction(Load(new KernelModule(file, build)), entry);
    }

    private string Label(string what) => _ranges.TryPeek(out string? range) ? $"{range}: {what}" : what;

    private void RefuseWhileRecording(string call)
    {
        if (_recording is not null)
        {
            throw new GpuException($"{call}: not possible between BeginCapture and EndCapture.");
        }
    }

    private void Submit(DeviceWork work, GpuStream stream)
    {
        if (_recording is not null && stream == GpuStream.Compute)
        {
            _recording.Add(work);
            return;
        }

        _submitted[(int)stream]++;
        _queues[(int)stream].Enqueue(work);
        if (!_options.Lazy)
        {
            RunQueue(stream);
        }
    }

    private void RunQueue(GpuStream stream)
    {
        while (_queues[(int)stream].Count > 0)
        {
            RunNext(stream);
        }
    }

    private void RunUntil(EmulatorEvent marker, int recording)
    {
        while (marker.Reached < recording)
        {
            RunNext(marker.Stream);
        }
    }

    private void RunNext(GpuStream stream)
    {
        DeviceWork work = _queues[(int)stream].Dequeue();
        try
        {
            Run(work);
        }
        catch (GpuException)
        {
            Abandon();
            throw;
        }

        FreeWhatIsDone();
    }

    // What was submitted after work that failed relied on it.
    private void Abandon()
    {
        foreach (Queue<DeviceWork> queue in _queues)
        {
            foreach (MarkWork mark in queue.OfType<MarkWork>())
            {
                mark.Marker.Reach(mark.Recording);
            }

            queue.Clear();
        }

        FreeWhatIsDone();
    }

    private void FreeWhatIsDone()
    {
        for (int i = _leaving.Count - 1; i >= 0; i--)
        {
            (nint address, long computeEnd, long copyEnd) = _leaving[i];
            if (_submitted[0] - _queues[0].Count >= computeEnd && _submitted[1] - _queues[1].Count >= copyEnd)
            {
                _leaving.RemoveAt(i);
                _damage |= !_runtime.Free(address, _owner);
            }
        }
    }

    private void Run(DeviceWork work)
    {
        switch (work)
        {
            case LaunchWork launch:
                RunLaunch(launch);
                break;
            case UploadWork upload:
                Upload(upload.Source, upload.Destination, upload.Label);
                break;
            case CopyWork copy:
                Require(copy.Source, copy.Bytes, copy.Label);
                Require(copy.Destination, copy.Bytes, copy.Label);
                Buffer.MemoryCopy((void*)copy.Source, (void*)copy.Destination, copy.Bytes, copy.Bytes);
                _runtime.MarkWritten(copy.Destination, copy.Source, copy.Bytes, _owner);
                break;
            case SetWork set:
                Require(set.Destination, set.Bytes, set.Label);
                NativeMemory.Fill((void*)set.Destination, (nuint)set.Bytes, set.Value);
                _runtime.MarkWritten(set.Destination, 0, set.Bytes, _owner);
                break;
            case MarkWork mark:
                mark.Marker.Reach(mark.Recording);
                break;
            case WaitWork wait:
                RunUntil(wait.Marker, wait.Recording);
                break;
            default:
                throw new UnreachableException();
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

    private void RunLaunch(LaunchWork work)
    {
        byte[] label = [.. Encoding.UTF8.GetBytes(work.Label), 0];
        void** arguments = stackalloc void*[work.Starts.Length + 1];
        byte* room = stackalloc byte[work.Arguments.Length + ArgumentAlignment];
        byte* values = (byte*)(((nint)room + ArgumentAlignment - 1) & -ArgumentAlignment);
        work.Arguments.CopyTo(new Span<byte>(values, work.Arguments.Length));
        string? message;
        fixed (byte* name = label)
        {
            for (int i = 0; i < work.Starts.Length; i++)
            {
                arguments[i] = values + work.Starts[i];
            }

            message = _runtime.Launch(new NativeLaunch
            {
                Kernel = work.Function.Kernel,
                Module = work.Function.Module.Native,
                Arguments = arguments,
                Label = name,
                Owner = _owner,
                Seed = _options.Seed + ++_launches,
                DynamicBytes = (ulong)work.SharedBytes,
                Grid = Index(work.Grid),
                Block = Index(work.Block),
                Workers = _workers,
                Checked = _options.Checked ? 1 : 0,
            });
        }

        if (message is not null)
        {
            throw new GpuException(SourceLocator.Resolve(message));
        }

        if (!_options.Checked)
        {
            CheckGuards(work);
        }
    }

    private static NativeIndex Index(Dim3 dim) => new((uint)dim.X, (uint)dim.Y, (uint)dim.Z);

    // A kernel that writes past an array most often does so just behind one of its arguments.
    private void CheckGuards(LaunchWork work)
    {
        for (int i = 0; i < work.Starts.Length; i++)
        {
            if (work.Function.Entry.Parameters[i].Kind == KernelParameterKind.Pointer
                && MemoryMarshal.Read<nint>(work.Arguments.AsSpan(work.Starts[i])) is var address and not 0
                && _runtime.BrokenGuard(address, _owner) is var number and not 0)
            {
                throw new GpuException(
                    $"{work.Label}: wrote just outside allocation #{number}, which its argument "
                    + $"{work.Function.Entry.Parameters[i].Name} points into. The checked emulator says where.");
            }
        }
    }
}
