using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>
/// A device that does nothing but remember what it was asked: for tests of what stands above the driver.
/// </summary>
internal sealed class FakeGpu(bool guards = false, long memoryBytes = 1 << 20) : IGpuDriver
{
    private readonly Dictionary<nint, long> _allocations = [];
    private nint _next = 1 << 20;
    private int _events;

    public string Name => "fake";

    public GpuProperties Properties { get; } = new()
    {
        Name = "a device of a test's own",
        ComputeCapability = new Version(9, 0),
        Multiprocessors = 1,
        SharedBytesPerBlock = 48 << 10,
        MemoryBytes = memoryBytes,
        GuardsAllocations = guards,
    };

    /// <summary>Bytes that other programs have, which makes the device say how much is in use.</summary>
    public long TakenByOthers { get; set; }

    public long AllocatedBytes => _allocations.Values.Sum();

    /// <summary>Threads that called <see cref="Free"/>.</summary>
    public HashSet<int> FreeingThreads { get; } = [];

    public bool IsDisposed { get; private set; }

    /// <summary>Called with every launch's arguments.</summary>
    public Action<nint>? OnLaunch { get; set; }

    public long Launches { get; private set; }

    /// <summary>Copies from the host.</summary>
    public long Uploads { get; private set; }

    /// <summary>
    /// What was asked of the streams and their events, in order: for example <c>copy: wait 0</c>, <c>copy: upload
    /// 16</c>,
    /// <c>compute: record 1</c>. Events are numbered as they are made.
    /// </summary>
    public List<string> Journal { get; } = [];

    public nint Allocate(long sizeInBytes)
    {
        if (AllocatedBytes + TakenByOthers + sizeInBytes > Properties.MemoryBytes)
        {
            throw new GpuException("full")
            {
                IsOutOfMemory = true,
                MemoryInUse = TakenByOthers > 0 ? AllocatedBytes + TakenByOthers : null,
            };
        }

        _next += 4096;
        _allocations.Add(_next, sizeInBytes);
        return _next;
    }

    public void Free(nint address)
    {
        ObjectDisposedException.ThrowIf(IsDisposed, this);
        FreeingThreads.Add(Environment.CurrentManagedThreadId);
        if (!_allocations.Remove(address))
        {
            throw new ArgumentException("Not an allocation.", nameof(address));
        }
    }

    public void Launch(GpuFunction function, Dim3 grid, Dim3 block, int sharedBytes, GpuStream stream, nint arguments)
    {
        Launches++;
        OnLaunch?.Invoke(arguments);
    }

    public GpuModule Load(KernelModule module) => new Module { Source = module };

    public GpuFunction GetFunction(GpuModule module, KernelEntry entry) =>
        new Function { Entry = entry, Build = module.Source.Build };

    public void CopyFromHost(ReadOnlySpan<byte> source, nint destination, GpuStream stream) => Uploads++;

    public HostBuffer AllocateHost(int sizeInBytes) => HostBuffer.Managed(sizeInBytes);

    public void CopyFromHost(HostBuffer source, int sizeInBytes, nint destination, GpuStream stream)
    {
        Uploads++;
        Write($"upload {sizeInBytes}", stream);
    }

    public void CopyToHost(nint source, Span<byte> destination, GpuStream stream)
    {
    }

    public void Copy(nint source, nint destination, long sizeInBytes, GpuStream stream)
    {
    }

    public void Set(nint destination, byte value, long sizeInBytes, GpuStream stream)
    {
    }

    public void MatMul(in GpuMatMul product, GpuStream stream) => throw new NotSupportedException();

    public GpuEvent CreateEvent() => new Event(_events++);

    public void Record(GpuEvent marker, GpuStream stream) => Write($"record {marker}", stream);

    public void Wait(GpuEvent marker, GpuStream stream) => Write($"wait {marker}", stream);

    public void Synchronize(GpuEvent marker) => Journal.Add($"host: wait {marker}");

    public TimeSpan Elapsed(GpuEvent start, GpuEvent end) => throw new NotSupportedException();

    public void BeginCapture() => throw new NotSupportedException();

    public GpuGraph EndCapture() => throw new NotSupportedException();

    public void Replay(GpuGraph graph) => throw new NotSupportedException();

    public void Synchronize()
    {
    }

    public void PushRange(string name)
    {
    }

    public void PopRange()
    {
    }

    public void Dispose() => IsDisposed = true;

    private void Write(string what, GpuStream stream) =>
        Journal.Add($"{(stream == GpuStream.Copy ? "copy" : "compute")}: {what}");

    private sealed class Event(int number) : GpuEvent
    {
        public override string ToString() => $"{number}";

        protected override void Dispose(bool disposing)
        {
        }
    }

    private sealed class Module : GpuModule;

    private sealed class Function : GpuFunction;
}
