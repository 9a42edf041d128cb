using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>Memory and copies.</summary>
internal static partial class CudaDriverScenarios
{
    // Nothing; below, at and above the limit of small copies; several pieces; more than all staging buffers together.
    public static void Copies_arrive()
    {
        using var driver = new CudaDriver();
        foreach (GpuStream stream in Enum.GetValues<GpuStream>())
        {
            foreach (int bytes in (int[])[0, 1, 4095, 4096, 4097, (8 << 20) + 1, (80 << 20) + 5])
            {
                byte[] values = Bytes(bytes, seed: bytes);
                byte[] back = new byte[bytes];
                nint address = driver.Allocate(bytes + 3);

                driver.CopyFromHost(values, address + 3, stream);
                driver.CopyToHost(address + 3, back, stream);

                Assert.True(values.AsSpan().SequenceEqual(back), $"{bytes} bytes in {stream}");
                driver.Free(address);
            }
        }
    }

    // The device is behind: a buffer that was filled again before it had been read would show.
    public static void Staging_buffers_wait_for_their_turn()
    {
        using var driver = new CudaDriver();
        const int Count = 200;
        foreach (int bytes in (int[])[8, 5000])
        {
            nint address = driver.Allocate(bytes * Count);
            byte[] all = Bytes(bytes * Count, seed: 1);
            for (int i = 0; i < Count; i++)
            {
                byte[] part = all[(i * bytes)..((i + 1) * bytes)];
                driver.CopyFromHost(part, address + (i * bytes), GpuStream.Compute);
                Array.Clear(part); // the caller may do so
            }

            byte[] back = new byte[all.Length];
            driver.CopyToHost(address, back, GpuStream.Compute);
            Assert.Equal(all, back);
        }
    }

    // The device is behind: what the source holds when the copy runs is what arrives.
    public static void Pinned_memory_is_read_in_place()
    {
        using var driver = new CudaDriver();
        using HostBuffer buffer = driver.AllocateHost(100);
        using GpuEvent arrived = driver.CreateEvent();
        nint address = driver.Allocate(100);
        byte[] back = new byte[100];

        driver.Synchronize(arrived); // never recorded
        buffer.Bytes.Fill(1);
        driver.CopyFromHost(buffer, 100, address, GpuStream.Copy);
        driver.Record(arrived, GpuStream.Copy);
        buffer.Bytes.Fill(2);
        driver.Synchronize(arrived);
        buffer.Bytes.Fill(3);
        driver.CopyToHost(address, back, GpuStream.Copy);

        Assert.All(back, value => Assert.Equal(2, value));
        using HostBuffer foreign = HostBuffer.Managed(100);
        Assert.Throws<ArgumentException>(() => driver.CopyFromHost(foreign, 100, address, GpuStream.Copy));
        Assert.Throws<ArgumentOutOfRangeException>(() => driver.CopyFromHost(buffer, 101, address, GpuStream.Copy));
        buffer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => buffer.Bytes.Length);
    }

    public static void Memory_is_set_and_copied()
    {
        using var driver = new CudaDriver();
        nint from = driver.Allocate(1000), to = driver.Allocate(1000);
        byte[] back = new byte[1000];

        driver.Set(from, 7, 1000, GpuStream.Compute);
        driver.Copy(from, to, 500, GpuStream.Compute);
        driver.Set(to + 500, 9, 500, GpuStream.Compute);
        driver.CopyToHost(to, back, GpuStream.Compute);

        Assert.Equal([.. Enumerable.Repeat((byte)7, 500), .. Enumerable.Repeat((byte)9, 500)], back);
    }

    public static void Memory_goes_back_after_the_work_that_uses_it()
    {
        using var driver = new CudaDriver();
        nint kept = driver.Allocate(100);
        nint freed = driver.Allocate(100);
        byte[] back = new byte[100];

        driver.Set(freed, 5, 100, GpuStream.Compute);
        driver.Copy(freed, kept, 100, GpuStream.Compute);
        driver.Free(freed); // the copy has not run yet
        driver.CopyToHost(kept, back, GpuStream.Compute);

        Assert.All(back, value => Assert.Equal(5, value));
        Assert.Throws<ArgumentException>(() => driver.Free(freed));
    }

    public static void A_full_device_says_how_full()
    {
        using var driver = new CudaDriver();
        nint held = driver.Allocate(300 << 20);

        var error = Assert.Throws<GpuException>(() => driver.Allocate(300 << 20));

        Assert.True(error.IsOutOfMemory);
        Assert.Equal(300 << 20, error.MemoryInUse);
        driver.Free(held);
        driver.Free(driver.Allocate(300 << 20));
    }
}
