using System.Runtime.CompilerServices;
using CudaViT.Core;
using CudaViT.Cpu;

namespace CudaViT.Backend.Tests.Compute;

public sealed class CpuMemoryPoolTests
{
    [Fact]
    public void Returned_blocks_of_a_size_class_are_handed_out_again()
    {
        int allocated = 0;
        var pool = new CpuMemoryPool(poison: false, limit: null, size =>
        {
            allocated += size;
            return new CpuBlock(size);
        });

        pool.Rent(1000).Release();
        CpuStorage same = pool.Rent(1024);
        CpuStorage larger = pool.Rent(1025);

        Assert.Equal(1024 + 1152, allocated);
        Assert.Equal(new MemoryStatistics(1024 + 1152, 1024 + 1152, 0, 3, 0), pool.Statistics);
        same.Release();
        larger.Release();
        Assert.Equal(1024 + 1152, pool.Statistics.PooledBytes);
    }

    [Fact]
    public void Waiting_blocks_go_before_memory_is_said_to_be_out()
    {
        CpuMemoryPool? pool = null;
        pool = new CpuMemoryPool(
            poison: false, limit: null,
            size => pool!.Statistics.PooledBytes > 0 ? throw new InsufficientMemoryException() : new CpuBlock(size));
        pool.Rent(512 << 10).Release();

        CpuStorage storage = pool.Rent(768 << 10);

        Assert.Equal(0, pool.Statistics.PooledBytes);
        Assert.Equal(768 << 10, pool.Statistics.LiveBytes);
        storage.Release();
    }

    [Fact]
    public void A_full_machine_says_what_takes_its_memory()
    {
        int left = 832 << 10;
        var pool = new CpuMemoryPool(poison: false, limit: null, size =>
        {
            left -= size;
            return left < 0 ? throw new InsufficientMemoryException("No room.") : new CpuBlock(size);
        });
        Storage[] held =
        [
            Rent(pool, MemoryRole.Parameters, 64 << 10),
            Rent(pool, MemoryRole.OptimizerState, 128 << 10),
            Rent(pool, MemoryRole.Activations, 640 << 10),
        ];

        var error = Assert.Throws<DeviceMemoryException>(() => Rent(pool, MemoryRole.Data, 256 << 10));

        Assert.Matches(
            @"^cpu: 256\.0 KiB for data do not fit: [\d.]+ [KMG]?i?B of [\d.]+ [MG]iB are in use "
            + @"\(activations 640\.0 KiB, optimizer state 128\.0 KiB, parameters 64\.0 KiB"
            + @"(, libraries and other programs [\d.]+ [MG]iB)?\)\. "
            + @"Use a smaller batch or image size, or bfloat16\.$",
            error.Message);
        Assert.Equal("No room.", error.InnerException!.Message);
        Assert.Equal(832 << 10, pool.Statistics.LiveBytes); // what was refused is not counted
        Assert.Equal(3, pool.Statistics.Requests);
        Array.ForEach(held, storage => storage.Release());
    }

    [Fact]
    public void A_limit_counts_waiting_blocks_and_names_itself()
    {
        using var backend = new CpuBackend(threads: 1, memoryLimit: 1 << 20);
        backend.Allocate(512 << 10).Release();
        Storage held = backend.Allocate(640 << 10); // with the waiting block this would be above the limit

        var error = Assert.Throws<DeviceMemoryException>(() => backend.Allocate(512 << 10));

        Assert.Equal(0, backend.Memory.PooledBytes);
        Assert.Equal(
            "cpu: 512.0 KiB for other arrays do not fit: 640.0 KiB of 1.0 MiB are in use (other arrays 640.0 KiB). "
            + "Use a smaller batch or image size, or bfloat16, or raise CUDAVIT_MEMORY_LIMIT.",
            error.Message);
        held.Release();
    }

    [Fact]
    public void Arrays_that_nobody_reaches_make_room()
    {
        using var backend = new CpuBackend(threads: 1, memoryLimit: 1 << 20);
        Lose(backend);

        Storage held = backend.Allocate(768 << 10);

        Assert.Equal(1, backend.Memory.CollectedBlocks);
        held.Release();
    }

    [Fact]
    public void Gradients_of_leaves_change_their_role()
    {
        using var backend = new CpuBackend(threads: 1, memoryLimit: 1 << 20);
        using var outer = new StepScope();
        var leaf = new Tensor(NdArray.Empty(backend, [64 << 10], DType.F32), requiresGrad: true);

        leaf.Backward(NdArray.Empty(backend, [64 << 10], DType.F32));
        var error = Assert.Throws<DeviceMemoryException>(() => backend.Allocate(768 << 10));

        Assert.Contains("(activations 512.0 KiB, gradients 256.0 KiB)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_array_beyond_what_an_array_may_have_is_refused_whatever_there_is()
    {
        using var backend = new CpuBackend(threads: 1);

        var error = Assert.Throws<DeviceMemoryException>(() => backend.Allocate(3L << 30));

        Assert.Equal(
            "cpu: one array would take 3.0 GiB, but this device's arrays hold at most 2.0 GiB. "
            + "Use a smaller batch or image size.",
            error.Message);
    }

    // Not inlined, or the block would stay reachable.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Lose(CpuBackend backend) => backend.Allocate(640 << 10);

    private static CpuStorage Rent(CpuMemoryPool pool, MemoryRole role, long bytes)
    {
        using var scope = new MemoryRoleScope(role);
        return pool.Rent(bytes);
    }
}
