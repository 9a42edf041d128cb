using System.Runtime.CompilerServices;
using CudaViT.Core;
using CudaViT.Cuda;
using CudaViT.Training.Models.Nn;
using CudaViT.Training.Optim;

namespace CudaViT.Backend.Tests.Cuda;

public sealed class GpuMemoryPoolTests
{
    [Fact]
    public void Returned_blocks_are_handed_out_again_last_first()
    {
        using var gpu = new FakeGpu();
        using var backend = new CudaBackend(gpu);

        nint[] first = Step();
        nint[] second = Step();

        Assert.Equal(first.Reverse(), second); // so the third step has the first one's addresses
        Assert.Equal(first, Step());
        Assert.Equal(2048, gpu.AllocatedBytes);

        nint[] Step()
        {
            using var scope = new StepScope();
            return [.. Enumerable.Range(0, 2).Select(_ =>
                GpuStorage.AddressOf(NdArray.Empty(backend, [256], DType.F32)))];
        }
    }

    [Fact]
    public void A_block_of_another_size_class_is_not_handed_out()
    {
        using var gpu = new FakeGpu();
        using var backend = new CudaBackend(gpu);
        backend.Allocate(1000).Release();

        Storage same = backend.Allocate(1024);
        Storage larger = backend.Allocate(1025);

        Assert.Equal(1024 + 1536, gpu.AllocatedBytes);
        same.Release();
        larger.Release();
    }

    [Fact]
    public void Waiting_blocks_go_back_before_the_device_is_full()
    {
        using var gpu = new FakeGpu(memoryBytes: 1 << 20);
        using var backend = new CudaBackend(gpu);
        backend.Allocate(512 << 10).Release();

        Storage storage = backend.Allocate(768 << 10); // fits only without the other

        Assert.Equal(768 << 10, gpu.AllocatedBytes);
        Assert.Equal(0, backend.Memory.PooledBytes);
        storage.Release();
    }

    [Fact]
    public void A_full_device_says_what_takes_its_memory()
    {
        using var gpu = new FakeGpu(memoryBytes: 1 << 20);
        using var backend = new CudaBackend(gpu);
        using var outer = new StepScope();
        Allocate(backend, MemoryRole.Parameters, 64 << 10);
        Allocate(backend, MemoryRole.OptimizerState, 128 << 10);
        backend.Allocate(640 << 10);

        var error = Assert.Throws<DeviceMemoryException>(() => backend.Allocate(256 << 10));

        Assert.Equal(
            "fake: 256.0 KiB for activations do not fit: 832.0 KiB of 1.0 MiB are in use "
            + "(activations 640.0 KiB, optimizer "
            + "state 128.0 KiB, parameters 64.0 KiB). Use a smaller batch or image size, or bfloat16.",
            error.Message);
    }

    [Fact]
    public void Memory_that_others_hold_is_told_apart()
    {
        using var gpu = new FakeGpu(memoryBytes: 1 << 20) { TakenByOthers = 512 << 10 };
        using var backend = new CudaBackend(gpu);
        Storage held = Allocate(backend, MemoryRole.Data, 256 << 10);

        var error = Assert.Throws<DeviceMemoryException>(() => Allocate(backend, MemoryRole.Gradients, 320 << 10));

        Assert.StartsWith(
            "fake: 320.0 KiB for gradients do not fit: 768.0 KiB of 1.0 MiB are in use "
            + "(data 256.0 KiB, libraries and other "
            + "programs 512.0 KiB).",
            error.Message,
            StringComparison.Ordinal);
        Assert.IsType<GpuException>(error.InnerException);
        held.Release();
    }

    [Fact]
    public void A_limit_counts_waiting_blocks_and_names_itself()
    {
        using var gpu = new FakeGpu(memoryBytes: 1 << 30);
        using var backend = new CudaBackend(gpu, memoryLimit: 1 << 20);
        backend.Allocate(512 << 10).Release();
        Storage held = backend.Allocate(640 << 10); // with the waiting block this would be above the limit

        var error = Assert.Throws<DeviceMemoryException>(() => backend.Allocate(512 << 10));

        Assert.Equal(640 << 10, gpu.AllocatedBytes);
        Assert.Equal(
            "fake: 512.0 KiB for other arrays do not fit: 640.0 KiB of 1.0 MiB are in use (other arrays 640.0 KiB). "
            + "Use a smaller batch or image size, or bfloat16, or raise CUDAVIT_MEMORY_LIMIT.",
            error.Message);
        held.Release();
    }

    [Fact]
    public void Gradients_of_leaves_change_their_role()
    {
        using var gpu = new FakeGpu(memoryBytes: 1 << 30);
        using var backend = new CudaBackend(gpu, memoryLimit: 1 << 20);
        using var outer = new StepScope();
        var leaf = new Tensor(NdArray.Empty(backend, [64 << 10], DType.F32), requiresGrad: true);

        leaf.Backward(NdArray.Empty(backend, [64 << 10], DType.F32));
        var error = Assert.Throws<DeviceMemoryException>(() => backend.Allocate(512 << 10));

        Assert.Equal(MemoryRole.Gradients, leaf.Grad!.Storage.Role);
        Assert.Contains("(activations 512.0 KiB, gradients 256.0 KiB)", error.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void The_finalizers_thread_returns_blocks_without_calling_the_driver(bool guards)
    {
        using var gpu = new FakeGpu(guards);
        using var backend = new CudaBackend(gpu);
        Lose(backend);

        GC.Collect();
        GC.WaitForPendingFinalizers();
        long collected = backend.Memory.CollectedBlocks;
        Storage next = backend.Allocate(1000);

        Assert.Equal(1, collected);
        Assert.Equal(guards ? 1000 : 1024, gpu.AllocatedBytes); // given back, or handed out again
        Assert.All(gpu.FreeingThreads, thread => Assert.Equal(Environment.CurrentManagedThreadId, thread));
        next.Release();
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_block_may_outlive_its_backend(bool guards)
    {
        var gpu = new FakeGpu(guards);
        var backend = new CudaBackend(gpu);
        Storage storage = backend.Allocate(100);

        backend.Dispose();
        storage.Release();

        Assert.True(gpu.IsDisposed);
    }

    [Fact]
    public void Parameters_and_the_state_of_optimizers_have_their_roles()
    {
        using var gpu = new FakeGpu();
        using var backend = new CudaBackend(gpu);
        using var scope = new StepScope();
        var layer = new BatchNormLayer(8, Initializers.Ones);
        layer.Initialize(backend, DType.F32, seed: 1);
        backend.Allocate(100);

        _ = new AdamW([new ParameterGroup([.. layer.Parameters()], WeightDecay: 0.1)]);
        var error = Assert.Throws<DeviceMemoryException>(() => backend.Allocate(1 << 20));

        Assert.All(layer.Parameters(),
            parameter => Assert.Equal(MemoryRole.Parameters, parameter.Value.Data.Storage.Role));
        Assert.Contains(
            "(parameters 2.0 KiB, optimizer state 2.0 KiB, activations 512 B)", error.Message,
            StringComparison.Ordinal);
    }

    // Not inlined, or the block would stay reachable.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Lose(CudaBackend backend) => backend.Allocate(1000);

    private static Storage Allocate(CudaBackend backend, MemoryRole role, long bytes)
    {
        using var scope = new MemoryRoleScope(role);
        return backend.Allocate(bytes);
    }
}
