using CudaViT.Cuda;

namespace CudaViT.Emulator.Tests;

/// <summary>
/// The driver's own promises: order, laziness, recordings, limits, and what the plain mode still notices.
/// </summary>
public sealed class DriverTests
{
    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Work_runs_in_the_order_of_its_stream(bool lazy)
    {
        using TestKernels kernels = Open(new EmulatorOptions { Lazy = lazy });
        nint x = kernels.Array(1f, 2f, 3f, 4f), y = kernels.Empty<float>(4), z = kernels.Empty<float>(4);
        kernels.Launch("add_one", 1, 4, x, 4);
        kernels.Launch("twice", 1, 4, y, x);
        kernels.Driver.Copy(y, z, 16, GpuStream.Compute);
        kernels.Driver.Set(x, 0, 16, GpuStream.Compute);
        kernels.Driver.Free(y); // only after the work so far
        Assert.Equal([4f, 6f, 8f, 10f], kernels.Read<float>(z, 4));
        Assert.Equal([0f, 0f, 0f, 0f], kernels.Read<float>(x, 4));
        kernels.Driver.Synchronize();
    }

    [SkippableFact]
    public void Lazy_mode_shows_that_a_stream_was_not_waited_for()
    {
        using TestKernels kernels = Open(new EmulatorOptions { Lazy = true });
        IGpuDriver driver = kernels.Driver;
        nint x = kernels.Empty<float>(4), y = kernels.Empty<float>(4);
        byte[] source = new byte[16];
        driver.CopyFromHost(source, x, GpuStream.Copy);
        Array.Fill(source, (byte)0xff); // the copy was of what stood there before
        kernels.Launch("twice", 1, 4, y, x);
        GpuException error = Assert.Throws<GpuException>(() => kernels.Read<float>(y, 4));
        Assert.Contains("which nobody has written", error.Message, StringComparison.Ordinal);

        // Poison is also what the plain mode reads.
        using TestKernels plain = Open(new EmulatorOptions { Lazy = true, Checked = false });
        nint poison = plain.Empty<float>(4), result = plain.Empty<float>(4);
        plain.Driver.CopyFromHost(new byte[16], poison, GpuStream.Copy);
        plain.Launch("twice", 1, 4, result, poison);
        Assert.All(plain.Read<float>(result, 4), value => Assert.True(float.IsNaN(value)));

        using GpuEvent arrived = driver.CreateEvent();
        driver.CopyFromHost(new byte[16], x, GpuStream.Copy);
        driver.Record(arrived, GpuStream.Copy);
        driver.Wait(arrived, GpuStream.Compute);
        kernels.Launch("twice", 1, 4, y, x);
        Assert.Equal(new float[4], kernels.Read<float>(y, 4));
    }

    [SkippableFact]
    public void Errors_of_lazy_work_show_when_it_runs_and_end_it()
    {
        using TestKernels kernels = Open(new EmulatorOptions { Lazy = true });
        nint x = kernels.Array(1f);
        kernels.Driver.Synchronize();
        kernels.Launch("write_at", 1, 1, x, 1);
        kernels.Launch("add_one", 1, 1, x, 1);
        Assert.Throws<GpuException>(kernels.Driver.Synchronize);
        kernels.Driver.Synchronize();
        Assert.Equal([1f], kernels.Read<float>(x, 1));
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public void Recorded_work_runs_again(bool lazy)
    {
        using TestKernels kernels = Open(new EmulatorOptions { Lazy = lazy });
        IGpuDriver driver = kernels.Driver;
        nint x = kernels.Array(1f, 2f), y = kernels.Array(0f, 0f);
        driver.BeginCapture();
        kernels.Launch("add_one", 1, 2, x, 2);
        driver.Copy(x, y, 8, GpuStream.Compute);
        Assert.Throws<GpuException>(driver.Synchronize);
        Assert.Throws<GpuException>(() => driver.CopyFromHost(new byte[8], x, GpuStream.Compute));
        using GpuGraph graph = driver.EndCapture();
        Assert.Equal([1f, 2f], kernels.Read<float>(x, 2)); // recorded, not run

        driver.Replay(graph);
        driver.Replay(graph);
        Assert.Equal([3f, 4f], kernels.Read<float>(y, 2));
        Assert.Throws<GpuException>(driver.EndCapture);
    }

    [SkippableFact]
    public void Events_measure_time()
    {
        using TestKernels kernels = Open();
        using GpuEvent start = kernels.Driver.CreateEvent(), end = kernels.Driver.CreateEvent();
        nint x = kernels.Array(new float[64]);
        Assert.Throws<GpuException>(() => kernels.Driver.Elapsed(start, end));
        kernels.Driver.Record(start, GpuStream.Compute);
        kernels.Launch("add_one", 1, 64, x, 64);
        kernels.Driver.Record(end, GpuStream.Compute);
        Assert.True(kernels.Driver.Elapsed(start, end) > TimeSpan.Zero);
    }

    [SkippableFact]
    public void The_seed_decides_about_the_order()
    {
        (string Blocks, string Threads) first = Order(seed: 1), again = Order(seed: 1), other = Order(seed: 2);
        Assert.Equal(first, again);
        Assert.NotEqual(first.Blocks, other.Blocks);
        Assert.NotEqual(first.Threads, other.Threads);

        static (string Blocks, string Threads) Order(ulong seed)
        {
            using TestKernels kernels = Open(new EmulatorOptions { Seed = seed, Workers = 1 });
            nint blocks = kernels.Empty<uint>(16), threads = kernels.Empty<uint>(16 * 64), counters = kernels.Array(0u);
            kernels.Launch("order", 16, 64, blocks, threads, counters);
            return (
                string.Join(' ', kernels.Read<uint>(blocks, 16)),
                string.Join(' ', kernels.Read<uint>(threads, 16 * 64)));
        }
    }

    [SkippableFact]
    public void Plain_mode_sees_writes_beside_an_array_and_threads_that_wait_for_ever()
    {
        using TestKernels kernels = Open(new EmulatorOptions { Checked = false });
        nint y = kernels.Array(new float[64]);
        GpuException error = Assert.Throws<GpuException>(() => kernels.Launch("write_at", 1, 1, y, 64));
        Assert.Matches("^write_at \\(f32\\): wrote just outside allocation #[0-9]+, which its argument y points into",
            error.Message);
        Assert.Throws<GpuException>(() => kernels.Launch("write_at", 1, 1, y, -1));
        kernels.Launch("write_at", 1, 1, y, 63);
        kernels.Driver.Synchronize();

        // Far from the argument it is seen when the device is next waited for.
        nint x = kernels.Array(new float[64]);
        kernels.Launch("write_at", 1, 1, y, ((x - y) / 4) + 64);
        Assert.Throws<GpuException>(kernels.Driver.Synchronize);
        kernels.Launch("write_at", 1, 1, y, ((x - y) / 4) + 64);
        kernels.Driver.Free(x);
        Assert.Throws<GpuException>(kernels.Driver.Synchronize);

        error = Assert.Throws<GpuException>(() => kernels.Launch("early_exit", 1, 64, y));
        Assert.Contains("threads 40-63 have left the kernel", error.Message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Plain_mode_poisons_what_nobody_has_written()
    {
        using TestKernels kernels = Open(new EmulatorOptions { Checked = false });
        nint y = kernels.Empty<float>(2), x = kernels.Empty<float>(1);
        kernels.Launch("unwritten", 1, 32, y, x, 5);
        Assert.All(kernels.Read<float>(y, 2), value => Assert.True(float.IsNaN(value)));
    }

    [SkippableFact]
    public void Copies_need_device_memory_that_has_been_written()
    {
        using TestKernels kernels = Open();
        IGpuDriver driver = kernels.Driver;
        nint x = kernels.Array(1f, 2f), y = kernels.Empty<float>(2);
        GpuException error = Assert.Throws<GpuException>(() => kernels.Read<float>(x, 3));
        Assert.Contains("with 8 bytes", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<GpuException>(() => kernels.Read<float>(y, 2));
        Assert.Matches("^CopyToHost: reads byte 0 of allocation #[0-9]+, which nobody has written", error.Message);
        driver.Copy(x, y, 4, GpuStream.Compute);
        Assert.Equal([1f], kernels.Read<float>(y, 1));
        error = Assert.Throws<GpuException>(() => kernels.Read<float>(y, 2));
        Assert.Contains("reads byte 4 ", error.Message, StringComparison.Ordinal);
        Assert.Throws<GpuException>(() => driver.Copy(x, y, 9, GpuStream.Compute));
        Assert.Throws<GpuException>(() => driver.Set(y - 4, 0, 8, GpuStream.Compute));
        driver.Free(y);
        Assert.Throws<GpuException>(() => driver.Free(y));
        Assert.Throws<GpuException>(() => driver.Copy(x, y, 4, GpuStream.Compute));
    }

    [SkippableFact]
    public void Limits_of_a_device_are_kept()
    {
        using TestKernels kernels = Open(new EmulatorOptions { MemoryBytes = 1 << 20 });
        nint y = kernels.Array(new float[4]);
        foreach ((Dim3 grid, Dim3 block, int shared) in new (Dim3, Dim3, int)[]
        {
            (0, 1, 0), ((1, 65536), 1, 0), (1, 1025, 0), (1, (32, 33), 0), (1, (1, 1, 65), 0), (1, 1, 232449),
            (1, 1, -1),
        })
        {
            Assert.Throws<GpuException>(() => kernels.LaunchShared("write_at", grid, block, shared, y, 0));
        }

        Assert.True(Assert.Throws<GpuException>(() => kernels.Driver.Allocate(1 << 20)).IsOutOfMemory);
        kernels.Driver.Free(y);
        nint all = kernels.Driver.Allocate(1 << 20);
        Assert.Equal(0, all & 255);
    }

    private static TestKernels Open(EmulatorOptions? options = null)
    {
        EmulatorAtHand.OrSkip();
        return new TestKernels(TestKernels.Resource("driver.cu"), options);
    }
}
