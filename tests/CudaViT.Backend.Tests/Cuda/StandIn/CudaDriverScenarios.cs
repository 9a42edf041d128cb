using System.Runtime.InteropServices;
using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>
/// What <see cref="CudaDriver"/> promises, for a process in which the libraries are those that stand in.
/// </summary>
internal static unsafe partial class CudaDriverScenarios
{
    private static readonly byte[] Code = "STAND-IN "u8.ToArray();
    private static readonly byte[] CodeOfProducts = "STAND-IN+"u8.ToArray();

    public static void The_device_is_described()
    {
        using var driver = new CudaDriver();

        Assert.Equal("Stand-in 0", driver.Properties.Name);
        Assert.Equal(new Version(9, 0), driver.Properties.ComputeCapability);
        Assert.Equal(132, driver.Properties.Multiprocessors);
        Assert.Equal(227 << 10, driver.Properties.SharedBytesPerBlock);
        Assert.Equal(512 << 20, driver.Properties.MemoryBytes);
        Assert.Equal(new Version(13, 0), driver.DriverVersion);
    }

    public static void A_device_that_is_not_there_is_told()
    {
        var error = Assert.Throws<GpuException>(() => new CudaDriver(new CudaOptions { DeviceOrdinal = 1 }));

        Assert.StartsWith("cuda: there is no device 1: this process sees 1", error.Message, StringComparison.Ordinal);
    }

    public static void Statuses_without_a_name_here_get_the_drivers() =>
        Assert.Equal("CUDA_ERROR_MADE_UP", CudaError.Name((CudaStatus)12345));

    public static void Kernels_run_with_their_arguments()
    {
        using var kernels = new MadeUpKernels();
        using CudaDriver driver = Open();
        GpuFunction scale = Function(driver, kernels, "scale");
        (nint x, nint y) = (driver.Allocate(64), driver.Allocate(64));
        driver.CopyFromHost(MemoryMarshal.AsBytes<float>([2, 4, 6]), x, GpuStream.Compute);

        Scale(driver, scale, y, x, 3);

        Assert.Equal([1, 2, 3], Floats(driver, y, 3));
        Assert.Equal(16, driver.ActiveBlocks(scale, threads: 128, sharedBytes: 0));
    }

    public static void Launches_and_products_allocate_no_managed_memory()
    {
        using var kernels = new MadeUpKernels();
        using CudaDriver driver = Open();
        GpuFunction scale = Function(driver, kernels, "scale");
        nint x = driver.Allocate(4096);
        GpuMatMul product = new()
        {
            DType = DType.F32,
            M = 4,
            N = 4,
            K = 4,
            A = x,
            B = x + 1024,
            D = x + 2048,
            Bias = x,
        };
        byte[] values = new byte[100];
        Step();
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 100; i++)
        {
            Step();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Step()
        {
            Scale(driver, scale, x, x, 4);
            driver.MatMul(product, GpuStream.Compute);
            driver.Copy(x, x + 512, 100, GpuStream.Compute);
            driver.Set(x, 0, 100, GpuStream.Compute);
        }
    }

    public static void Much_shared_memory_is_asked_for_and_too_much_refused()
    {
        using var kernels = new MadeUpKernels();
        using CudaDriver driver = Open();
        GpuFunction scale = Function(driver, kernels, "scale");
        nint x = driver.Allocate(64);

        Scale(driver, scale, x, x, 1, sharedBytes: 200 << 10);
        var error = Assert.Throws<GpuException>(() => Scale(driver, scale, x, x, 1, sharedBytes: 227 << 10));

        Assert.Equal(
            $"scale (f32) needs {(227 << 10) + 1024} bytes of shared memory per block, "
            + "but this device (Stand-in 0) has "
            + $"{227 << 10}.",
            error.Message);
        driver.Synchronize();
    }

    public static void A_launch_that_is_refused_is_described()
    {
        using var kernels = new MadeUpKernels();
        using CudaDriver driver = Open();
        GpuFunction scale = Function(driver, kernels, "scale");
        nint x = driver.Allocate(64);

        var error = Assert.Throws<GpuException>(() => Scale(driver, scale, x, x, 1, threads: 2048));

        Assert.StartsWith(
            "cuda: cuLaunchKernel failed: CUDA_ERROR_INVALID_VALUE (1).", error.Message, StringComparison.Ordinal);
        Assert.Contains(
            "scale (f32): grid (1, 1, 1), block (2048, 1, 1), 0 bytes", error.Message, StringComparison.Ordinal);
        Scale(driver, scale, x, x, 1); // not a fault
        driver.Synchronize();
    }

    public static void Damaged_code_is_told()
    {
        using var kernels = new MadeUpKernels();
        using var damaged = new CudaDriver(new CudaOptions { Compile = _ => "damaged!"u8.ToArray() });

        var error = Assert.Throws<GpuException>(() => damaged.Load(kernels.Module()));

        Assert.StartsWith(
            "cuda: cuModuleLoadData failed: CUDA_ERROR_INVALID_IMAGE (200).", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("The module is scale.cu (f32).", error.Message, StringComparison.Ordinal);
    }

    public static void Recorded_work_runs_when_it_is_replayed()
    {
        using var kernels = new MadeUpKernels();
        using CudaDriver driver = Open();
        GpuFunction scale = Function(driver, kernels, "scale");
        nint x = driver.Allocate(64);
        nint old = driver.Allocate(64);
        driver.CopyFromHost(MemoryMarshal.AsBytes<float>([8]), x, GpuStream.Compute);

        driver.BeginCapture();
        Assert.Throws<InvalidOperationException>(driver.BeginCapture);
        Scale(driver, scale, x, x, 1);
        nint fresh = driver.Allocate(64); // the pool may need more
        driver.Free(old);
        Assert.Contains(
            "while a graph is being recorded",
            Assert.Throws<InvalidOperationException>(() => driver.CopyFromHost([1], x, GpuStream.Compute)).Message,
            StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => driver.CopyToHost(x, new byte[4], GpuStream.Compute));
        using GpuGraph graph = driver.EndCapture();
        Assert.Throws<InvalidOperationException>(driver.EndCapture);

        Assert.Equal([8], Floats(driver, x, 1));
        driver.Replay(graph);
        driver.Replay(graph);
        Assert.Equal([2], Floats(driver, x, 1));
        driver.Set(fresh, 0, 64, GpuStream.Compute);
        Assert.Throws<ArgumentException>(() => driver.Free(old));
        driver.Synchronize();
    }

    public static void A_driver_may_be_closed_while_it_records()
    {
        CudaDriver driver = Open();
        driver.BeginCapture();
        driver.Dispose();
        driver.Dispose();
        Assert.Throws<ObjectDisposedException>(driver.Synchronize);
    }

    public static void Events_order_streams_and_tell_time()
    {
        using CudaDriver driver = Open();
        using GpuEvent start = driver.CreateEvent(), end = driver.CreateEvent();
        (nint a, nint b) = (driver.Allocate(8 << 20), driver.Allocate(8 << 20));
        byte[] values = Bytes(8 << 20, seed: 3), back = new byte[8 << 20];

        driver.Record(start, GpuStream.Compute);
        driver.CopyFromHost(values, a, GpuStream.Copy);
        driver.Record(end, GpuStream.Copy);
        driver.Wait(end, GpuStream.Compute);
        driver.Copy(a, b, 8 << 20, GpuStream.Compute);
        driver.CopyToHost(b, back, GpuStream.Compute);

        Assert.Equal(values, back);
        Assert.Equal(TimeSpan.FromMilliseconds(1.5), driver.Elapsed(start, end));
    }

    public static void Any_thread_may_call()
    {
        using CudaDriver driver = Open();
        nint address = driver.Allocate(4 * 1000);

        Parallel.For(0, 1000, i => driver.CopyFromHost(BitConverter.GetBytes(i), address + (4 * i), GpuStream.Compute));

        byte[] back = new byte[4000];
        driver.CopyToHost(address, back, GpuStream.Compute);
        Assert.Equal(Enumerable.Range(0, 1000), MemoryMarshal.Cast<byte, int>(back).ToArray());
    }

    public static void Two_drivers_share_a_device()
    {
        using CudaDriver first = Open();
        nint address = first.Allocate(4);
        using (CudaDriver second = Open())
        {
            second.Set(second.Allocate(4), 1, 4, GpuStream.Compute);
        }

        first.Set(address, 1, 4, GpuStream.Compute);
        first.Synchronize();
    }

    public static void What_was_forgotten_goes_with_the_finalizer()
    {
        using CudaDriver driver = Open();
        Forget(driver);

        GC.Collect();
        GC.WaitForPendingFinalizers();

        driver.Synchronize();

        static void Forget(CudaDriver driver)
        {
            for (int i = 0; i < 10; i++)
            {
                driver.Record(driver.CreateEvent(), GpuStream.Compute);
            }
        }
    }

    /// <summary>In a process of its own: the library that is found first stays.</summary>
    internal static void Ranges(bool isPassedOn)
    {
        using CudaDriver driver = Open();
        driver.PushRange("Linear");
        driver.PushRange(new string('x', 500));
        driver.PopRange();
        driver.PopRange();

        nint log = ((delegate* unmanaged<nint>)StandIns.Export(CudaLibrary.Nvtx, "stand_in_ranges"))();
        string expected = isPassedOn ? $"(Linear({new string('x', 127)}))" : "";
        Assert.Equal(expected, Marshal.PtrToStringUTF8(log));
    }

    /// <summary>In a process of its own: the device stays as it is.</summary>
    internal static void A_fault(bool isSynchronous)
    {
        using var kernels = new MadeUpKernels();
        kernels.Write("fault.cu", """
            // Fault: reads what is not there.
            // Builds   f32
            extern "C" __global__ void fault(float* y, const float* x, int count)
            {
            }
            """);
        CudaDriver driver = Open(new CudaOptions { Compile = _ => Code, SynchronousLaunches = isSynchronous });
        var backend = new CudaBackend(driver);
        Storage storage = backend.Allocate(64);
        (GpuFunction scale, GpuFunction fault) =
            (Function(driver, kernels, "scale"), Function(driver, kernels, "fault"));
        nint x = driver.Allocate(64);
        Scale(driver, scale, x, x, 1);

        GpuException error;
        if (isSynchronous)
        {
            error = Assert.Throws<GpuException>(() => Scale(driver, fault, x, x, 1));
            Assert.Contains("The kernel is fault (f32).", error.Message, StringComparison.Ordinal);
        }
        else
        {
            Scale(driver, fault, x, x, 1);
            Scale(driver, scale, x, x, 1);
            error = Assert.Throws<GpuException>(driver.Synchronize);
            Assert.Contains(
                "It was one of scale (f32), fault (f32), scale (f32);", error.Message, StringComparison.Ordinal);
        }

        Assert.StartsWith(
            "cuda: cuStreamSynchronize failed: CUDA_ERROR_ILLEGAL_ADDRESS (700). A kernel "
            + "read or wrote outside its memory.",
            error.Message,
            StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(error.Message, Assert.Throws<GpuException>(() => driver.Allocate(1)).Message);
        Assert.Equal(error.Message, Assert.Throws<GpuException>(() => Scale(driver, scale, x, x, 1)).Message);
        Assert.Equal(error.Message, Assert.Throws<GpuException>(backend.Synchronize).Message);
        driver.Free(x);
        storage.Release();
        backend.Dispose();
    }

    private static CudaDriver Open(CudaOptions? options = null) =>
        new(options ?? new CudaOptions { Compile = _ => Code });

    private static GpuFunction Function(CudaDriver driver, MadeUpKernels kernels, string name)
    {
        KernelModule module = kernels.Module($"{name}.cu");
        return driver.GetFunction(driver.Load(module), module.File.Entries.Single(entry => entry.Name == name));
    }

    private static void Scale(
        CudaDriver driver, GpuFunction function, nint y, nint x, int count, int threads = 32, int sharedBytes = 0)
    {
        var arguments = default(KernelArguments);
        arguments.AddAddress(y);
        arguments.AddAddress(x);
        arguments.Add(count);
        arguments.Pass(function, 1, threads, sharedBytes, GpuStream.Compute, driver);
    }

    private static float[] Floats(CudaDriver driver, nint address, int count)
    {
        byte[] bytes = new byte[count * sizeof(float)];
        driver.CopyToHost(address, bytes, GpuStream.Compute);
        return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
    }

    private static byte[] Bytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
