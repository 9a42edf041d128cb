using System.Runtime.InteropServices;

namespace CudaViT.Cuda;

/// <summary>A device's primary context, which all libraries in this process share.</summary>
internal sealed class ContextHandle() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    // The object, not its address: a context that is made later may get this one's.
    [ThreadStatic]
    private static ContextHandle? _current;

    public override bool IsInvalid => handle == 0;

    /// <summary>The device whose context this is.</summary>
    public int Device { get; private set; }

    /// <summary>Makes a device's context, or joins in its use.</summary>
    public static ContextHandle Retain(int device)
    {
        CudaError.Check(CudaApi.DevicePrimaryCtxRetain(out ContextHandle context, device));
        context.Device = device;
        return context;
    }

    /// <summary>Makes this thread's calls go to this context. Cheap when they do so already.</summary>
    public void MakeCurrent()
    {
        if (_current != this)
        {
            CudaError.Check(CudaApi.CtxSetCurrent(handle));
            _current = this;
        }
    }

    /// <summary>The same for clean-up, which goes on whatever happens.</summary>
    public bool TryMakeCurrent()
    {
        if (_current != this && CudaApi.CtxSetCurrent(handle) == CudaStatus.Success)
        {
            _current = this;
        }

        return _current == this;
    }

    protected override bool ReleaseHandle() => CudaApi.DevicePrimaryCtxRelease(Device) == CudaStatus.Success;
}

/// <summary>An object of the driver that dies with its context at the latest.</summary>
internal abstract class DriverHandle() : SafeHandle(invalidHandleValue: 0, ownsHandle: true)
{
    private ContextHandle? _context;

    public override bool IsInvalid => handle == 0;

    /// <summary>Keeps the context alive for as long as this object.</summary>
    public void Attach(ContextHandle context)
    {
        bool added = false;
        context.DangerousAddRef(ref added);
        _context = context;
    }

    protected override bool ReleaseHandle()
    {
        if (_context is null)
        {
            return false;
        }

        // The finalizer's thread has no context yet. After a fault this fails, and the context takes everything.
        bool isReleased = _context.TryMakeCurrent() && Destroy(handle) == CudaStatus.Success;
        _context.DangerousRelease();
        return isReleased;
    }

    protected abstract CudaStatus Destroy(nint value);
}

/// <summary>A queue of work.</summary>
internal sealed class StreamHandle : DriverHandle
{
    public static StreamHandle Create(ContextHandle context)
    {
        CudaError.Check(CudaApi.StreamCreate(out StreamHandle stream, StreamFlags.NonBlocking));
        stream.Attach(context);
        return stream;
    }

    protected override CudaStatus Destroy(nint value) => CudaApi.StreamDestroy(value);
}

/// <summary>A point in a queue.</summary>
internal sealed class EventHandle : DriverHandle
{
    public static EventHandle Create(ContextHandle context, EventFlags flags)
    {
        CudaError.Check(CudaApi.EventCreate(out EventHandle marker, flags));
        marker.Attach(context);
        return marker;
    }

    protected override CudaStatus Destroy(nint value) => CudaApi.EventDestroy(value);
}

/// <summary>Loaded machine code.</summary>
internal sealed class ModuleHandle : DriverHandle
{
    protected override CudaStatus Destroy(nint value) => CudaApi.ModuleUnload(value);
}

/// <summary>A graph that can be launched.</summary>
internal sealed class GraphHandle : DriverHandle
{
    protected override CudaStatus Destroy(nint value) => CudaApi.GraphExecDestroy(value);
}

/// <summary>Host memory that the device reads and writes by itself.</summary>
internal sealed unsafe class PinnedHandle : DriverHandle
{
    /// <summary>Address of the first byte.</summary>
    public void* Address => (void*)handle;

    public static PinnedHandle Create(ContextHandle context, int bytes)
    {
        CudaError.Check(CudaApi.MemHostAlloc(out PinnedHandle memory, (nuint)bytes, flags: 0));
        memory.Attach(context);
        return memory;
    }

    protected override CudaStatus Destroy(nint value) => CudaApi.MemFreeHost(value);
}
