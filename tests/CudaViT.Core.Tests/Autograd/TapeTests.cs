using CudaViT.TestKit;

namespace CudaViT.Core.Tests;

public sealed class TapeTests
{
    [Fact]
    public void Gradients_follow_the_chain_rule()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3, -2], [2], DType.F64);

        Custom.Square(Custom.Square(x)).Backward(run.Array([1, 10], [2], DType.F64)); // 4x³

        Assert.Equal([108.0, -320], x.Grad!.ToDoubles());
    }

    [Fact]
    public void A_tensor_used_in_several_places_collects_all_of_their_gradients()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);

        Tensor cube = Custom.Multiply(x, Custom.Multiply(x, x));
        Custom.Add(cube, x).Backward(); // 3x² + 1

        Assert.Equal([28.0], x.Grad!.ToDoubles());
    }

    [Fact]
    public void A_diamond_passes_each_operation_once_with_the_whole_gradient()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([2], [1], DType.F64);
        int calls = 0;
        Tensor top = Custom.Map(x, v => 5 * v, _ => { calls++; return 5; });

        Tensor left = Custom.Square(top);
        Tensor right = Custom.Map(top, v => 3 * v, _ => 3);
        Custom.Add(left, right).Backward(); // 25x² + 15x

        Assert.Equal([115.0], x.Grad!.ToDoubles());
        Assert.Equal(1, calls);
    }

    [Fact]
    public void A_deep_diamond_chain_takes_linear_time()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1], [1], DType.F64);

        Tensor y = x;
        for (int i = 0; i < 60; i++)
        {
            y = Custom.Add(y, y); // 2⁶⁰ paths
        }

        y.Backward();

        Assert.Equal([Math.ScaleB(1, 60)], x.Grad!.ToDoubles());
    }

    [Fact]
    public void A_long_chain_does_not_overflow_the_stack()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1], [1], DType.F64);

        Tensor y = x;
        for (int i = 0; i < 20_000; i++)
        {
            y = y.Reshape(1);
        }

        y.Backward();

        Assert.Equal([1.0], x.Grad!.ToDoubles());
    }

    // Add returns dy twice and Reshape returns a view of it: the sums must not write into what another place still
    // needs.
    [Fact]
    public void Gradients_that_share_memory_do_not_disturb_each_other()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, 2], [2], DType.F64);
        Tensor w = run.Leaf([10, 20], [2], DType.F64);
        NdArray dy = run.Array([1, 3], [2], DType.F64);

        Tensor twice = Custom.Add(x, x);
        Tensor mixed = Custom.Add(Custom.Add(twice, w), twice); // 4x + w
        mixed.Backward(dy);

        Assert.Equal([4.0, 12], x.Grad!.ToDoubles());
        Assert.Equal([1.0, 3], w.Grad!.ToDoubles());
        Assert.Equal([1.0, 3], dy.ToDoubles());
    }

    // Below the root nothing but the count of holders protects memory: the root's own is the caller's. Of what s sends
    // to both its inputs, a's share is added to when the other consumer of a is done, and w's must stay.
    [Theory, InlineData(false), InlineData(true)]
    public void Gradients_that_share_memory_below_the_root_do_not_disturb_each_other(bool isLeaf)
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, 2], [2], DType.F64);
        Tensor w = run.Leaf([10, 20], [2], DType.F64);

        Tensor a = isLeaf ? x : Custom.Map(x, value => value, _ => 1);
        Tensor other = Custom.Map(a, value => 5 * value, _ => 5);
        Tensor s = Custom.Add(a, w);
        Tensor scaled = Custom.Map(s, value => 3 * value, _ => 3);
        Custom.Add(other, scaled).Backward(run.Array([1, 1], [2], DType.F64));

        Assert.Equal([8.0, 8], x.Grad!.ToDoubles());
        Assert.Equal([3.0, 3], w.Grad!.ToDoubles());
    }

    // As its own gradient a leaf would keep all of the block, of which it needs a hundredth.
    [Fact]
    public void A_leaf_does_not_take_a_part_of_a_larger_block()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, 2], [1, 2], DType.F64);
        Tensor y = Custom.Apply("Part", x.Data.Clone(), [x], dy =>
        {
            NdArray block = NdArray.Full(run.Backend, [100, 2], DType.F64, 7);
            block.Rows(40, 41).CopyFrom<double>([3, 4]);
            return [block.Rows(40, 41)];
        });

        y.Backward(run.Array([1, 1], [1, 2], DType.F64));

        Assert.Equal([3.0, 4], x.Grad!.ToDoubles());
        Assert.Equal(x.Grad.SizeInBytes, x.Grad.Storage.SizeInBytes);
        Assert.Equal(0, x.Grad.Offset);
    }

    [Fact]
    public void A_tensor_may_be_reshaped_twice()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, 2, 3, 4], [4], DType.F64);
        Tensor w = run.Leaf([0, 0, 0, 0], [4], DType.F64);

        Tensor sum = Custom.Add(x, w);
        Tensor rows = sum.Reshape(2, 2);
        Tensor columns = sum.Reshape(1, 4).Reshape(2, 2);
        Custom.Add(Custom.Add(rows, columns), rows).Backward(run.Array([1, 2, 3, 4], [2, 2], DType.F64));

        Assert.Equal([3.0, 6, 9, 12], x.Grad!.ToDoubles());
        Assert.Equal([3.0, 6, 9, 12], w.Grad!.ToDoubles());
        Assert.NotSame(x.Grad.Storage, w.Grad.Storage);
    }

    [Fact]
    public void Two_backward_passes_add_their_gradients()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);

        Custom.Square(x).Backward();
        NdArray first = x.Grad!;
        Custom.Square(x).Backward();

        Assert.Same(first, x.Grad);
        Assert.Equal([12.0], x.Grad!.ToDoubles());
        x.ZeroGrad();
        Assert.Null(x.Grad);
        Custom.Square(x).Backward();
        Assert.Equal([6.0], x.Grad!.ToDoubles());
    }

    // The leaf's gradient would otherwise be the caller's array, which the next pass adds into.
    [Fact]
    public void The_callers_upstream_gradient_stays_as_it_is()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, 2], [2], DType.F64);
        NdArray dy = run.Array([1, 1], [2], DType.F64);

        x.Backward(dy);
        x.Reshape(1, 2).Backward(dy.Reshape(1, 2));
        Custom.Add(x, x).Backward(dy);

        Assert.Equal([4.0, 4], x.Grad!.ToDoubles());
        Assert.Equal([1.0, 1], dy.ToDoubles());
        Assert.False(dy.Storage.IsReleased);
    }

    [Fact]
    public void A_second_backward_pass_names_the_operation_and_the_remedy()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);
        Tensor square = Custom.Square(x);
        Tensor other = Custom.Map(square, v => v, _ => 1);
        Custom.Map(square, v => v, _ => 1).Backward();

        InvalidOperationException ofRoot = Assert.Throws<InvalidOperationException>(() => square.Backward());
        InvalidOperationException ofInput = Assert.Throws<InvalidOperationException>(() => other.Backward());

        Assert.Contains("Square", ofRoot.Message, StringComparison.Ordinal);
        Assert.Contains("retainGraph", ofRoot.Message, StringComparison.Ordinal);
        Assert.Contains("Square", ofInput.Message, StringComparison.Ordinal);
        Assert.Equal([6.0], x.Grad!.ToDoubles());
    }

    [Fact]
    public void Retain_graph_allows_a_second_pass()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);
        Tensor y = Custom.Square(Custom.Square(x));

        y.Backward(retainGraph: true);
        y.Backward();

        Assert.Equal([216.0], x.Grad!.ToDoubles());
        Assert.Throws<InvalidOperationException>(() => y.Backward());
    }

    [Fact]
    public void An_operation_without_a_gradient_path_is_not_run_backward()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);
        Tensor unused = Custom.Apply("Unused", x.Data.Clone(), [x], _ => throw new InvalidOperationException("ran"));

        Custom.Square(x).Backward();

        Assert.Equal([6.0], x.Grad!.ToDoubles());
        Assert.True(unused.RequiresGrad);
    }

    [Fact]
    public void A_saved_array_that_was_changed_in_place_is_reported_with_its_operation()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3, 4], [2], DType.F64);
        Tensor y = Custom.Square(x);

        x.Data.Rows(0, 1).CopyFrom<double>([9]);

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(
            () => y.Backward(run.Array([1, 1], [2], DType.F64)));
        Assert.Contains("Square", error.Message, StringComparison.Ordinal);
        Assert.Contains("F64[2]", error.Message, StringComparison.Ordinal);
        Assert.Null(x.Grad);
    }

    [Fact]
    public void A_gradient_of_another_shape_or_type_than_its_input_is_reported()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor b = run.Leaf([1, 2], [2], DType.F64);

        // The classic: what was broadcast over rows comes back unsummed.
        Tensor broadcast = Custom.Apply("Forgetful", run.Array([1, 2, 1, 2], [2, 2], DType.F64), [b], dy => [dy]);
        Tensor narrow = Custom.Apply("Narrowing", b.Data.Clone(), [b], dy => [dy.Cast(DType.F32)]);

        string shape = Assert.Throws<InvalidOperationException>(
            () => broadcast.Backward(run.Array([1, 1, 1, 1], [2, 2], DType.F64))).Message;
        string type = Assert.Throws<InvalidOperationException>(
            () => narrow.Backward(run.Array([1, 1], [2], DType.F64))).Message;
        Assert.Contains("Forgetful: its backward pass returned F64[2, 2] for input 0", shape, StringComparison.Ordinal);
        Assert.Contains("Narrowing: its backward pass returned F32[2]", type, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_recorded_without_gradients()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);

        Tensor constant;
        using (new NoGrad())
        using (new NoGrad())
        {
            constant = Custom.Square(x);
        }

        Assert.False(NoGrad.IsActive);
        Assert.False(constant.RequiresGrad);
        Assert.False(Custom.Square(x.Detach()).RequiresGrad);
        Assert.True(Custom.Square(x).RequiresGrad);
        InvalidOperationException error = Assert.Throws<InvalidOperationException>(() => constant.Backward());
        Assert.Contains("NoGrad", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Detach_stops_the_gradient_and_shares_the_values()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([3], [1], DType.F64);

        Tensor detached = Custom.Square(x).Detach();
        Custom.Multiply(x, detached).Backward(); // d(x·c)/dx = c = 9

        Assert.Equal([9.0], x.Grad!.ToDoubles());
        Assert.Null(detached.Grad);
    }

    [Fact]
    public void Wrong_roots_and_upstream_gradients_are_refused()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor x = run.Leaf([1, 2], [2], DType.F64);
        Tensor y = Custom.Square(x);

        Assert.Contains(
            "[2]", Assert.Throws<InvalidOperationException>(() => y.Backward()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => y.Backward(run.Array([1], [1], DType.F64)));
        Assert.Throws<ArgumentException>(() => y.Backward(run.Array([1, 1], [2], DType.F32)));
        Assert.Throws<ArgumentException>(() => new Tensor(run.Array([1], [1], DType.I64), requiresGrad: true));
        Assert.Null(x.Grad);
    }

    [Fact]
    public void Each_thread_has_a_tape_of_its_own()
    {
        using TestRun run = Backends.Open("cpu");
        Tensor[] leaves = [.. Enumerable.Range(1, 4).Select(i => run.Leaf([i], [1], DType.F64))];
        Tensor mine = Custom.Square(leaves[0]);
        Exception? foreign = null;
        Thread[] threads =
        [
            .. leaves.Select(leaf => new Thread(() =>
            {
                for (int i = 0; i < 200; i++)
                {
                    Custom.Square(Custom.Square(leaf)).Backward();
                    leaf.ZeroGrad();
                }

                Custom.Square(Custom.Square(leaf)).Backward();
            })),
            new Thread(() => foreign = Record.Exception(() => mine.Backward())),
        ];

        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());

        Assert.Equal([4.0, 32, 108, 256], leaves.Select(leaf => leaf.Grad!.Item()));
        Assert.Contains("Square", Assert.IsType<InvalidOperationException>(foreign).Message, StringComparison.Ordinal);
        leaves[0].ZeroGrad();
        mine.Backward();
        Assert.Equal(2, leaves[0].Grad!.Item());
    }
}
