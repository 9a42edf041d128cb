namespace CudaViT.Cuda;

public sealed unsafe partial class CudaDriver
{
    // Static and dynamic shared memory of a block together; more has to be asked for.
    private const int UnaskedSharedBytes = 48 << 10;

    private readonly List<CudaModule> _modules = [];
    private readonly Lazy<KernelCompiler> _compiler = new(() => new KernelCompiler(new KernelCache()));
    private bool _isCapturing;

    /// <inheritdoc/>
    public GpuModule Load(KernelModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        Submissions(); // after a fault, or once closed, nothing is worth compiling
        byte[] code = (_options.Compile ?? CompileWithNvrtc)(module);
        using Lock.Scope call = Enter();
        CudaStatus status = CudaApi.ModuleLoadData(out ModuleHandle handle, code);
        if (status != CudaStatus.Success)
        {
            GpuException error = Failure(status, "CudaApi.ModuleLoadData");
            throw new GpuException($"{error.Message} The module is {module}.", error);
        }

        handle.Attach(_context);
        var loaded = new CudaModule(handle) { Source = module };
        _modules.Add(loaded);
        return loaded;
    }

    /// <inheritdoc/>
    public GpuFunction GetFunction(GpuModule module, KernelEntry entry)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(entry);
        using Lock.Scope call = Enter();
        Check(CudaApi.ModuleGetFunction(out nint function, ((CudaModule)module).Handle, entry.Name));
        return new CudaFunction(function)
        {
            Entry = entry,
            Build = module.Source.Build,
            DynamicSharedBytes = UnaskedSharedBytes - Attribute(function, FunctionAttribute.SharedSizeBytes),
        };
    }

    /// <inheritdoc/>
    public void Launch(GpuFunction function, Dim3 grid, Dim3 block, int sharedBytes, GpuStream stream, nint arguments)
    {
        ArgumentNullException.ThrowIfNull(function);
        using Lock.Scope call = Enter();
        var kernel = (CudaFunction)function;
        if (sharedBytes > kernel.DynamicSharedBytes)
        {
            AllowShared(kernel, sharedBytes);
        }

        StreamHandle queue = Queue(stream);
        CudaStatus status = CudaApi.LaunchKernel(
            kernel.Handle, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)block.X, (uint)block.Y, (uint)block.Z,
            (uint)sharedBytes, queue, (void**)arguments, extra: null);
        if (status != CudaStatus.Success)
        {
            throw LaunchFailure(status, kernel, grid, block, sharedBytes);
        }

        Submitted(kernel.Label, queue);
        GC.KeepAlive(function);
    }

    /// <summary>How many blocks of a kernel one multiprocessor runs at the same time.</summary>
    /// <param name="function">A kernel that this driver has loaded.</param>
    /// <param name="threads">Threads of a block.</param>
    /// <param name="sharedBytes">Dynamic shared memory of a block.</param>
    public int ActiveBlocks(GpuFunction function, int threads, int sharedBytes)
    {
        ArgumentNullException.ThrowIfNull(function);
        using Lock.Scope call = Enter();
        Check(CudaApi.OccupancyMaxActiveBlocksPerMultiprocessor(
            out int blocks, ((CudaFunction)function).Handle, threads, (nuint)sharedBytes));
        return blocks;
    }

    /// <inheritdoc/>
    public GpuEvent CreateEvent()
    {
        using Lock.Scope call = Enter();
        return new CudaEvent(EventHandle.Create(_context, EventFlags.Default));
    }

    /// <inheritdoc/>
    public void Record(GpuEvent marker, GpuStream stream)
    {
        ArgumentNullException.ThrowIfNull(marker);
        using Lock.Scope call = Enter();
        Check(CudaApi.EventRecord(((CudaEvent)marker).Handle, Queue(stream)));
    }

    /// <inheritdoc/>
    public void Wait(GpuEvent marker, GpuStream stream)
    {
        ArgumentNullException.ThrowIfNull(marker);
        using Lock.Scope call = Enter();
        Check(CudaApi.StreamWaitEvent(Queue(stream), ((CudaEvent)marker).Handle, 0));
    }

    /// <inheritdoc/>
    public void Synchronize(GpuEvent marker)
    {
        ArgumentNullException.ThrowIfNull(marker);
        Submissions();
        Settle(CudaApi.EventSynchronize(((CudaEvent)marker).Handle));
    }

    /// <inheritdoc/>
    public TimeSpan Elapsed(GpuEvent start, GpuEvent end)
    {
        ArgumentNullException.ThrowIfNull(start);
        ArgumentNullException.ThrowIfNull(end);
        Synchronize(end);
        using Lock.Scope call = Enter();
        EventHandle last = ((CudaEvent)end).Handle;
        Check(CudaApi.EventElapsedTime(out float milliseconds, ((CudaEvent)start).Handle, last));
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    /// <inheritdoc/>
    public void BeginCapture()
    {
        using Lock.Scope call = Enter();
        RefuseWhileRecording("begin another recording");
        Check(CudaApi.StreamBeginCapture(_compute, CaptureMode.Relaxed));
        _isCapturing = true;
    }

    /// <inheritdoc/>
    public GpuGraph EndCapture()
    {
        using Lock.Scope call = Enter();
        if (!_isCapturing)
        {
            throw new InvalidOperationException("Nothing is being recorded. Call BeginCapture first.");
        }

        _isCapturing = false;
        CudaStatus status = CudaApi.StreamEndCapture(_compute, out nint graph);
        FreeWhatWaited();
        Check(status, "CudaApi.StreamEndCapture");
        try
        {
            Check(CudaApi.GraphInstantiateWithFlags(out GraphHandle executable, graph, flags: 0));
            executable.Attach(_context);
            return new CudaGraph(executable);
        }
        finally
        {
            _ = CudaApi.GraphDestroy(graph);
        }
    }

    /// <inheritdoc/>
    public void Replay(GpuGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        using Lock.Scope call = Enter();
        Check(CudaApi.GraphLaunch(((CudaGraph)graph).Handle, _compute));
        Submitted("a recorded graph", _compute);
    }

    private byte[] CompileWithNvrtc(KernelModule module) =>
        _compiler.Value.Compile(module, _compiler.Value.TargetFor(Properties.ComputeCapability));

    private void AbandonCapture()
    {
        if (_isCapturing && CudaApi.StreamEndCapture(_compute, out nint graph) == CudaStatus.Success)
        {
            _ = CudaApi.GraphDestroy(graph);
        }
    }

    private void RefuseWhileRecording(string what)
    {
        if (_isCapturing)
        {
            throw new InvalidOperationException(
                $"Cannot {what} while a graph is being recorded: nothing runs until it is replayed. "
                + "Do it before BeginCapture or after EndCapture.");
        }
    }

    private int Attribute(nint function, FunctionAttribute attribute)
    {
        Check(CudaApi.FuncGetAttribute(out int value, attribute, function));
        return value;
    }

    /// <summary>Asks for more shared memory than a block gets unasked.</summary>
    private void AllowShared(CudaFunction kernel, int sharedBytes)
    {
        int fixedBytes = Attribute(kernel.Handle, FunctionAttribute.SharedSizeBytes);
        if (fixedBytes + sharedBytes > Properties.SharedBytesPerBlock)
        {
            throw new GpuException(
                $"{kernel.Label} needs {fixedBytes + sharedBytes} bytes of shared memory per block, but this device "
                + $"({Properties.Name}) has {Properties.SharedBytesPerBlock}.");
        }

        Check(CudaApi.FuncSetAttribute(kernel.Handle, FunctionAttribute.MaxDynamicSharedSizeBytes, sharedBytes));
        kernel.DynamicSharedBytes = sharedBytes;
    }

    private GpuException LaunchFailure(CudaStatus status, CudaFunction kernel, Dim3 grid, Dim3 block, int sharedBytes)
    {
        GpuException error = Failure(status, "CudaApi.LaunchKernel");
        return _fault is not null
            ? error
            : new GpuException(
                $"{error.Message} The launch is {kernel.Label}: grid {grid}, block {block}, {sharedBytes} bytes of "
                + $"dynamic shared memory; a thread takes "
                + $"{Attribute(kernel.Handle, FunctionAttribute.RegisterCount)} registers and "
                + $"{Attribute(kernel.Handle, FunctionAttribute.LocalSizeBytes)} bytes of local memory, and a block "
                + $"has at most {Attribute(kernel.Handle, FunctionAttribute.MaxThreadsPerBlock)} threads.");
    }
}
