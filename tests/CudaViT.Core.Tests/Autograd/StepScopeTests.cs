using CudaViT.Cpu;

namespace CudaViT.Core.Tests;

// Each test has a backend of its own: others' blocks would show in the counts.
public sealed class StepScopeTests
{
    [Fact]
    public void What_a_scope_owns_goes_back_to_the_pool_at_its_end()
    {
        using var backend = new CpuBackend(threads: 1);
        NdArray before = NdArray.Zeros(backend, [100], DType.F64);
        long live = backend.Memory.LiveBytes;
        NdArray inside;

        using (new StepScope())
        {
            inside = NdArray.Zeros(backend, [100], DType.F64);
            Assert.True(backend.Memory.LiveBytes > live);
        }

        Assert.Equal(live, backend.Memory.LiveBytes);
        Assert.Equal(100, before.ToDoubles().Length);
        ObjectDisposedException error = Assert.Throws<ObjectDisposedException>(() => inside.ToDoubles());
        Assert.Contains("Keep", error.Message, StringComparison.Ordinal);
        Assert.Throws<ObjectDisposedException>(() => inside.Reshape(10, 10).Clone());
    }

    [Fact]
    public void What_an_inner_scope_keeps_belongs_to_the_outer_one()
    {
        using var backend = new CpuBackend(threads: 1);
        NdArray once;
        NdArray twice;

        using (var outer = new StepScope())
        {
            using (var inner = new StepScope())
            {
                once = inner.Keep(NdArray.Full(backend, [3], DType.F32, 1));
                twice = outer.Keep(inner.Keep(NdArray.Full(backend, [3], DType.F32, 2)));
            }

            Assert.Equal([1.0, 1, 1], once.ToDoubles());
        }

        Assert.Throws<ObjectDisposedException>(() => once.ToDoubles());
        Assert.Equal([2.0, 2, 2], twice.ToDoubles());
    }

    [Fact]
    public void Scopes_end_in_the_reverse_order_of_their_beginning()
    {
        var outer = new StepScope();
        var inner = new StepScope();

        Assert.Throws<InvalidOperationException>(outer.Dispose);

        inner.Dispose();
        outer.Dispose();
        outer.Dispose(); // a second time changes nothing
    }

    [Fact]
    public void Gradients_of_leaves_outlive_the_step_and_its_history_does_not()
    {
        using var backend = new CpuBackend(threads: 1);
        Tensor x = new(NdArray.Full(backend, [2], DType.F64, 3), requiresGrad: true);
        Tensor y;

        using (var scope = new StepScope())
        {
            Custom.Square(x).Backward(NdArray.Full(backend, [2], DType.F64, 1));
            y = scope.Keep(Custom.Square(x));
        }

        Assert.Equal([6.0, 6], x.Grad!.ToDoubles());
        Assert.Equal([9.0, 9], y.Data.ToDoubles());
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(
            () => y.Backward(NdArray.Full(backend, [2], DType.F64, 1)));
        Assert.Contains("Square", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, Tape.SavedBytes);
    }

    // The backward pass empties the tape, so that the inner scope's entries stand where the outer's have stood.
    [Fact]
    public void The_end_of_a_scope_forgets_its_own_operations_even_after_the_tape_was_emptied()
    {
        using var backend = new CpuBackend(threads: 1);
        Tensor x = new(NdArray.Full(backend, [], DType.F64, 3), requiresGrad: true);
        using var outer = new StepScope();
        Tensor y = Custom.Square(Custom.Square(x));

        using (new StepScope())
        {
            y.Backward();
            Custom.Square(x);
        }

        Assert.Equal(0, Tape.SavedBytes);
        Tensor z = Custom.Square(x);
        using (new StepScope())
        {
            Custom.Square(x);
        }

        Assert.Equal(sizeof(double), Tape.SavedBytes);
        z.Backward();
        Assert.Equal(108 + 6, x.Grad!.Item());
    }

    [Fact]
    public void Memory_is_flat_from_the_second_step_on()
    {
        using var backend = new CpuBackend(threads: 1);
        Tensor x = new(NdArray.Full(backend, [1000], DType.F32, 0.5), requiresGrad: true);
        MemoryStatistics second = default;
        long requests = 0;
        for (int step = 1; step <= 50; step++)
        {
            Step();
            if (step == 2)
            {
                second = backend.Memory;
            }
            else if (step > 2)
            {
                MemoryStatistics now = backend.Memory;
                requests = requests == 0 ? now.Requests - second.Requests : requests;
                Assert.Equal(second with { Requests = second.Requests + ((step - 2) * requests) }, now);
            }
        }

        void Step()
        {
            using var scope = new StepScope();
            Tensor y = Custom.Multiply(Custom.Square(x), Custom.Add(x, x));
            y.Backward(NdArray.Full(backend, [1000], DType.F32, 1));
        }
    }

    [Fact]
    public void A_released_block_is_handed_out_again()
    {
        using var backend = new CpuBackend(threads: 1);
        NdArray first = NdArray.Full(backend, [300], DType.F32, 7);
        first.Storage.Release();
        first.Storage.Release(); // once more does no harm

        long pooled = backend.Memory.PooledBytes;
        NdArray second = NdArray.Empty(backend, [310], DType.F32); // of the same size class

        Assert.True(pooled > 0);
        Assert.Equal(0, backend.Memory.PooledBytes);
        Assert.Equal(7, second.ToArray<float>()[0]);
        Assert.True(first.Storage.IsReleased);
    }

    [Fact]
    public void Poisoned_blocks_read_as_NaN()
    {
        using var backend = new CpuBackend(threads: 1, poison: true);
        foreach (DType dtype in new[] { DType.F64, DType.F32, DType.BF16 })
        {
            Assert.All(NdArray.Empty(backend, [9], dtype).ToDoubles(), value => Assert.True(double.IsNaN(value)));
        }
    }

    [Fact]
    public void Blocks_of_a_scope_are_not_left_to_the_collector()
    {
        using var backend = new CpuBackend(threads: 1);
        using (new StepScope())
        {
            NdArray.Zeros(backend, [10], DType.F32);
        }

        Abandon(backend);
        for (int i = 0; i < 100 && backend.Memory.CollectedBlocks == 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.Equal(1, backend.Memory.CollectedBlocks);
        Assert.Equal(0, backend.Memory.LiveBytes);

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static void Abandon(CpuBackend backend) => NdArray.Zeros(backend, [10], DType.F32);
    }
}
