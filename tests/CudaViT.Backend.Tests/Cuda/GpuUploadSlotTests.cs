using CudaViT.Core;
using CudaViT.Cuda;
using CudaViT.Emulator;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>On a device whose streams run only when somebody waits for them, so that a wait too few shows.</summary>
public sealed class GpuUploadSlotTests : IDisposable
{
    private readonly CudaBackend? _backend = EmulatorDriver.Unavailable is null
        ? new CudaBackend(new EmulatorDriver(new EmulatorOptions { Lazy = true }))
        : null;

    public void Dispose() => _backend?.Dispose();

    // Event 0: the values have arrived; 1: nobody reads them any more. A wait after the copy is a wait too late, which
    // a device that happens to be slow or quick may not show.
    [Fact]
    public void A_fill_first_waits_for_the_readers_and_then_copies()
    {
        using var gpu = new FakeGpu();
        using var backend = new CudaBackend(gpu);
        using HostBuffer buffer = backend.AllocateHost(16);
        UploadSlot slot = backend.NewUploadSlot([16], DType.U8);
        string[] fill = ["copy: wait 1", "copy: upload 16", "copy: record 0"];

        slot.Fill(buffer, 16);
        slot.Acquire();
        slot.Release();
        slot.Fill(buffer, 16);
        slot.WaitUntilRead();
        slot.Dispose();

        Assert.Equal(
            [
                "compute: record 1", // whoever had the block before
                .. fill, "compute: wait 0", "compute: record 1",
                .. fill, "host: wait 0",
                "host: wait 0", // before the block goes back
            ],
            gpu.Journal);
    }

    // Both fills are asked for before anything has run: the second waits for the first one's reader.
    [SkippableFact]
    public void A_fill_waits_for_the_readers_of_the_one_before()
    {
        CudaBackend backend = Backend();
        using var scope = new StepScope();
        using HostBuffer first = Buffer(backend, 1), second = Buffer(backend, 2);
        using UploadSlot slot = backend.NewUploadSlot([16], DType.U8);

        slot.Fill(first, 16);
        NdArray one = slot.Acquire().Clone();
        slot.Release();
        slot.Fill(second, 16);
        NdArray two = slot.Acquire().Clone();
        slot.Release();

        Assert.All(two.ToArray<byte>(), value => Assert.Equal(2, value));
        Assert.All(one.ToArray<byte>(), value => Assert.Equal(1, value));
    }

    [SkippableFact]
    public void The_source_is_read_in_place_and_free_once_it_has_been_waited_for()
    {
        CudaBackend backend = Backend();
        using var scope = new StepScope();
        using HostBuffer buffer = Buffer(backend, 1);
        using UploadSlot slot = backend.NewUploadSlot([16], DType.U8);

        slot.Fill(buffer, 16);
        buffer.Bytes.Fill(7); // too early: a copy by way of another buffer would not notice
        slot.WaitUntilRead();
        buffer.Bytes.Fill(9);
        Assert.All(slot.Acquire().ToArray<byte>(), value => Assert.Equal(7, value));
    }

    // The block comes from the pool while work on it is still under way, and goes back with a copy under way.
    [SkippableFact]
    public void A_block_changes_hands_in_order()
    {
        Skip.If(_backend is null, EmulatorDriver.Unavailable);
        using var backend = new CudaBackend(
            new EmulatorDriver(new EmulatorOptions { Lazy = true, Checked = false }));
        using HostBuffer buffer = Buffer(backend, 1);
        NdArray before = NdArray.Full(backend, [16], DType.U8, 5);
        NdArray copy = before.Clone();
        before.Storage.Release();

        UploadSlot slot = backend.NewUploadSlot([16], DType.U8);
        slot.Fill(buffer, 16);
        slot.Dispose();
        NdArray after = NdArray.Full(backend, [16], DType.U8, 6);

        Assert.All(copy.ToArray<byte>(), value => Assert.Equal(5, value));
        Assert.All(after.ToArray<byte>(), value => Assert.Equal(6, value));
        copy.Storage.Release();
        after.Storage.Release();
    }

    private static HostBuffer Buffer(CudaBackend backend, byte value)
    {
        HostBuffer buffer = backend.AllocateHost(16);
        buffer.Bytes.Fill(value);
        return buffer;
    }

    private CudaBackend Backend()
    {
        Skip.If(_backend is null, EmulatorDriver.Unavailable);
        return _backend!;
    }
}
