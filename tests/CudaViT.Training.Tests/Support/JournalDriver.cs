using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Training.Tests.Support;

/// <summary>A device that writes down what it is asked for, in order, before another one does it.</summary>
internal sealed class JournalDriver(IGpuDriver inner) : IGpuDriver
{
    /// <summary>One word for each call that asks the device to do something.</summary>
    public List<string> Calls { get; } = [];

    public string Name => inner.Name;

    public GpuProperties Properties => inner.Properties;

    public nint Allocate(long sizeInBytes) => inner.Allocate(sizeInBytes);

    public void Free(nint address) => inner.Free(address);

    public HostBuffer AllocateHost(int sizeInBytes) => inner.AllocateHost(sizeInBytes);

    public void CopyFromHost(HostBuffer source, int sizeInBytes, nint destination, GpuStream stream)
    {
        Calls.Add($"send in {stream}");
        inner.CopyFromHost(source, sizeInBytes, destination, stream);
    }

    public void CopyFromHost(ReadOnlySpan<byte> source, nint destination, GpuStream stream)
    {
        Calls.Add(source.Length <= 4096 ? "copy addresses" : "copy from host"); // tables of them: the small path
        inner.CopyFromHost(source, destination, stream);
    }

    public void CopyToHost(nint source, Span<byte> destination, GpuStream stream)
    {
        Calls.Add("read");
        inner.CopyToHost(source, destination, stream);
    }

    public void Copy(nint source, nint destination, long sizeInBytes, GpuStream stream) =>
        inner.Copy(source, destination, sizeInBytes, stream);

    public void Set(nint destination, byte value, long sizeInBytes, GpuStream stream) =>
        inner.Set(destination, value, sizeInBytes, stream);

    public GpuModule Load(KernelModule module) => inner.Load(module);

    public GpuFunction GetFunction(GpuModule module, KernelEntry entry) => inner.GetFunction(module, entry);

    public void Launch(GpuFunction function, Dim3 grid, Dim3 block, int sharedBytes, GpuStream stream, nint arguments)
    {
        Calls.Add($"launch {function.Entry.Name}");
        inner.Launch(function, grid, block, sharedBytes, stream, arguments);
    }

    public void MatMul(in GpuMatMul product, GpuStream stream)
    {
        Calls.Add("launch a product");
        inner.MatMul(product, stream);
    }

    public GpuEvent CreateEvent() => inner.CreateEvent();

    public void Record(GpuEvent marker, GpuStream stream) => inner.Record(marker, stream);

    public void Wait(GpuEvent marker, GpuStream stream) => inner.Wait(marker, stream);

    public void Synchronize(GpuEvent marker)
    {
        Calls.Add("wait for an event");
        inner.Synchronize(marker);
    }

    public TimeSpan Elapsed(GpuEvent start, GpuEvent end) => inner.Elapsed(start, end);

    public void BeginCapture() => inner.BeginCapture();

    public GpuGraph EndCapture() => inner.EndCapture();

    public void Replay(GpuGraph graph) => inner.Replay(graph);

    public void Synchronize() => inner.Synchronize();

    public void PushRange(string name) => inner.PushRange(name);

    public void PopRange() => inner.PopRange();

    public void Dispose() => inner.Dispose();
}
