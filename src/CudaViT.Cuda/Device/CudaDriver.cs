using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>
/// A real GPU, through the CUDA driver: one stream for kernels, one for transfers, and one that memory is taken and
/// given back in. Kernels are compiled by NVRTC where they run; matrix products are cuBLASLt's.
/// </summary>
/// <remarks>
/// When a kernel has faulted, CUDA refuses everything from then on. Every call here then throws the same message,
/// which names the kernels under way at the time; only <see cref="Free"/> and <see cref="Dispose"/> do nothing quietly,
/// so that the program ends with that message and not with another.
/// <para>
/// Calls of several threads are put in some order by a lock. It is never held while a call waits for the device or
/// compiles, so one thread may wait while others submit. Two exceptions wait under it, since nothing is to happen
/// beside them: <see cref="Dispose"/>, and launches with <see cref="CudaOptions.SynchronousLaunches"/>.
/// </para>
/// </remarks>
public sealed unsafe partial class CudaDriver : IGpuDriver
{
    // The oldest that runs code of CUDA 12's toolkits.
    private static readonly Version OldestDriver = new(12, 0);

    // The kernels use asynchronous copies and BF16 tensor cores.
    private static readonly Version OldestDevice = new(8, 0);

    private readonly Lock _gate = new();
    private readonly CudaOptions _options;
    private readonly ContextHandle _context;
    private readonly StreamHandle _compute;
    private readonly StreamHandle _copy;
    private readonly StreamHandle _memory;
    private readonly LaunchLog _log = new();
    private string? _fault;
    private bool _isDisposed;

    /// <summary>Opens a device.</summary>
    /// <param name="options">Which, and how; null for the first.</param>
    /// <exception cref="GpuException">
    /// There is no driver or no such device, or one of them is too old; the message says what to do.
    /// </exception>
    public CudaDriver(CudaOptions? options = null)
    {
        _options = options ?? new CudaOptions();
        CudaLibraries.Load(CudaLibrary.Driver);
        CudaError.Check(CudaApi.DriverGetVersion(out int version));
        DriverVersion = new Version(version / 1000, version % 1000 / 10);
        if (DriverVersion < OldestDriver)
        {
            throw new GpuException(
                $"cuda: the driver is made for CUDA {DriverVersion}, but CUDA {OldestDriver} or newer is needed. "
                + "Install a newer driver: version 525 or later.");
        }

        CudaError.Check(CudaApi.Init(0));
        int device = Find(_options.DeviceOrdinal);
        Properties = Describe(device);
        if (Properties.ComputeCapability < OldestDevice)
        {
            throw new GpuException(
                $"cuda: device {_options.DeviceOrdinal} ({Properties.Name}) has compute capability "
                + $"{Properties.ComputeCapability}, but {OldestDevice} or newer is needed: Ampere or later.");
        }

        _context = ContextHandle.Retain(device);
        _context.MakeCurrent();
        _compute = StreamHandle.Create(_context);
        _copy = StreamHandle.Create(_context);
        _memory = StreamHandle.Create(_context);
        _freed = EventHandle.Create(_context, EventFlags.DisableTiming);
        if (Attribute(device, DeviceAttribute.MemoryPoolsSupported) != 0)
        {
            CudaError.Check(CudaApi.DeviceGetDefaultMemPool(out _pool, device));
        }

        _findPlain = FindPlain;
    }

    /// <inheritdoc/>
    public string Name => "cuda";

    /// <inheritdoc/>
    public GpuProperties Properties { get; }

    /// <summary>The newest CUDA that the driver runs code of.</summary>
    public Version DriverVersion { get; }

    /// <inheritdoc/>
    public void Synchronize()
    {
        long submitted = Submissions();
        Settle(CudaApi.StreamSynchronize(_compute));
        Settle(CudaApi.StreamSynchronize(_copy), upTo: submitted);
    }

    /// <inheritdoc/>
    public void PushRange(string name) => Nvtx.Push(name);

    /// <inheritdoc/>
    public void PopRange() => Nvtx.Pop();

    /// <summary>Waits for the device, unless it has failed, and gives everything back. Throws nothing.</summary>
    public void Dispose()
    {
        using Lock.Scope copying = _staging.EnterScope(); // the buffers below are somebody's until then
        using Lock.Scope call = _gate.EnterScope();
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (_fault is null && _context.TryMakeCurrent())
        {
            AbandonCapture();
            _ = CudaApi.StreamSynchronize(_compute);
            _ = CudaApi.StreamSynchronize(_copy);
            FreeAll();
        }

        _products?.Dispose();
        _modules.ForEach(module => module.Handle.Dispose());
        DisposeStaging();
        _freed.Dispose();
        _memory.Dispose();
        _copy.Dispose();
        _compute.Dispose();
        _context.Dispose();
    }

    private static int Find(int ordinal)
    {
        CudaError.Check(CudaApi.DeviceGetCount(out int count));
        if (ordinal < 0 || ordinal >= count)
        {
            throw new GpuException(
                $"cuda: there is no device {ordinal}: this process sees {count}, numbered from 0. "
                + "CUDA_VISIBLE_DEVICES says which it may see.");
        }

        CudaError.Check(CudaApi.DeviceGet(out int device, ordinal));
        return device;
    }

    private static GpuProperties Describe(int device)
    {
        const int NameLength = 256;
        byte* name = stackalloc byte[NameLength];
        CudaError.Check(CudaApi.DeviceGetName(name, NameLength, device));
        CudaError.Check(CudaApi.DeviceTotalMem(out nuint bytes, device));
        return new GpuProperties
        {
            Name = Marshal.PtrToStringUTF8((nint)name)!,
            ComputeCapability = new Version(
                Attribute(device, DeviceAttribute.ComputeCapabilityMajor),
                Attribute(device, DeviceAttribute.ComputeCapabilityMinor)),
            Multiprocessors = Attribute(device, DeviceAttribute.MultiprocessorCount),
            SharedBytesPerBlock = Attribute(device, DeviceAttribute.MaxSharedMemoryPerBlockOptin),
            MemoryBytes = (long)bytes,
        };
    }

    private static int Attribute(int device, DeviceAttribute attribute)
    {
        CudaError.Check(CudaApi.DeviceGetAttribute(out int value, attribute, device));
        return value;
    }

    private StreamHandle Queue(GpuStream stream) => stream == GpuStream.Copy ? _copy : _compute;

    /// <summary>
    /// Every public call begins so: one at a time, with the context of this device on whatever thread it is, and not
    /// after a fault.
    /// </summary>
    private Lock.Scope Enter()
    {
        Lock.Scope call = _gate.EnterScope();
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            if (_fault is not null)
            {
                throw new GpuException(_fault);
            }

            _context.MakeCurrent();
            return call;
        }
        catch
        {
            call.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Checks that calls are possible, and says how much was submitted so far; see <see cref="Settle"/>.
    /// </summary>
    private long Submissions()
    {
        using Lock.Scope call = Enter();
        return _log.Position;
    }

    /// <summary>Takes note of how a call ended that waited, and therefore was made without the lock.</summary>
    /// <param name="status">The call itself.</param>
    /// <param name="upTo">What was submitted before this has ended well if the call succeeded.</param>
    /// <param name="call">The call's text, which the compiler fills in.</param>
    private void Settle(
        CudaStatus status, long upTo = 0, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        using Lock.Scope scope = _gate.EnterScope();
        Check(status, call);
        _log.ClearBefore(upTo);
    }

    private void Check(CudaStatus status, [CallerArgumentExpression(nameof(status))] string call = "")
    {
        if (status != CudaStatus.Success)
        {
            throw Failure(status, call);
        }
    }

    private GpuException Failure(CudaStatus status, string call)
    {
        GpuException error = CudaError.For(status, call);
        if (!CudaError.IsFault(status))
        {
            return error;
        }

        _fault ??= $"{error.Message} {_log.Describe()} This process cannot use the device any more.";
        return new GpuException(_fault);
    }

    /// <summary>Notes what was submitted; in the synchronous mode, waits for it.</summary>
    private void Submitted(string name, StreamHandle queue)
    {
        _log.Add(name);
        if (_options.SynchronousLaunches && !_isCapturing)
        {
            Check(CudaApi.StreamSynchronize(queue));
            _log.ClearBefore(_log.Position);
        }
    }
}
