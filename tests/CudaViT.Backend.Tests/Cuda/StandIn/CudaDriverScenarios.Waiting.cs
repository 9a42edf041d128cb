using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Backend.Tests.Cuda;

/// <summary>Threads that wait for the device or the compiler, beside others that have something to submit.</summary>
internal static unsafe partial class CudaDriverScenarios
{
    private const string Empty = """
        // Does as its name says; see the device that stands in.
        // Builds   f32
        extern "C" __global__ void {0}(float* y, const float* x, int count)
        {{
        }}
        """;

    public static void A_thread_that_waits_for_the_device_keeps_nobody_out()
    {
        using var kernels = new MadeUpKernels();
        foreach (string name in (string[])["block", "open"])
        {
            kernels.Write($"{name}.cu", string.Format(null, System.Text.CompositeFormat.Parse(Empty), name));
        }

        using CudaDriver driver = Open();
        GpuFunction block = Function(driver, kernels, "block"), open = Function(driver, kernels, "open");
        GpuFunction scale = Function(driver, kernels, "scale");
        nint x = driver.Allocate(1024), freed = driver.Allocate(1024), forgotten = driver.Allocate(1024);
        using GpuEvent start = driver.CreateEvent(), end = driver.CreateEvent();
        bool hasPools = Environment.GetEnvironmentVariable("STAND_IN_POOLS") != "0";
        (string Name, Action Prepare, Action Wait)[] waits =
        [
            ("Synchronize", () => { }, driver.Synchronize),
            ("Synchronize(event)", () => driver.Record(end, GpuStream.Compute), () => driver.Synchronize(end)),
            ("Elapsed", () => driver.Record(end, GpuStream.Compute), () => driver.Elapsed(start, end)),
            ("CopyToHost", () => { }, () => driver.CopyToHost(x, new byte[4], GpuStream.Compute)),
            ("CopyFromHost", () => Copy(64), () => Copy(1)), // all buffers of small copies are in use
            hasPools // memory comes in order, or goes in order
                ? ("Allocate", () => driver.Free(freed), () => driver.Allocate(1024))
                : ("Free", () => { }, () => driver.Free(forgotten)),
        ];
        driver.Record(start, GpuStream.Compute);

        foreach ((string name, Action prepare, Action wait) in waits)
        {
            Scale(driver, block, x, x, 1);
            prepare();
            var waiting = Task.Factory.StartNew(
                wait, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            while (Waiters() == 0 && !waiting.IsCompleted)
            {
                Thread.Yield();
            }

            Assert.False(waiting.IsCompleted, $"{name} did not wait");
            Scale(driver, scale, x, x, 1); // hangs if the other thread has the lock, until the device gives up
            Scale(driver, open, x, x, 1);
            waiting.GetAwaiter().GetResult();
            driver.Synchronize();
        }

        void Copy(int times)
        {
            for (int i = 0; i < times; i++)
            {
                driver.CopyFromHost([1, 2, 3, 4], x, GpuStream.Compute);
            }
        }
    }

    public static void A_thread_that_compiles_keeps_nobody_out()
    {
        using var kernels = new MadeUpKernels();
        CudaDriver? opened = null;
        nint x = 0;
        using CudaDriver driver = Open(new CudaOptions { Compile = _ => UsedByAnotherThread() });
        (opened, x) = (driver, driver.Allocate(64));

        GpuFunction scale = Function(driver, kernels, "scale");
        Scale(driver, scale, x, x, 1);

        byte[] UsedByAnotherThread()
        {
            var other = Task.Run(() => opened!.Set(x, 0, 64, GpuStream.Compute));
            Assert.True(other.Wait(TimeSpan.FromSeconds(20)), "the lock was held");
            return Code;
        }
    }

    private static int Waiters() =>
        ((delegate* unmanaged<int>)StandIns.Export(CudaLibrary.Driver, "stand_in_waiters"))();
}
