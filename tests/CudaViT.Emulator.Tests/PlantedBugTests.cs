using System.Globalization;
using System.Text.RegularExpressions;
using CudaViT.Cuda;

namespace CudaViT.Emulator.Tests;

/// <summary>One kernel for each mistake that the checked mode finds; see <c>Kernels/planted_bugs.cu</c>.</summary>
public sealed partial class PlantedBugTests : IDisposable
{
    private const int Count = 256; // elements of every array

    private readonly TestKernels? _kernels;
    private readonly nint _y;
    private readonly nint _x;

    public PlantedBugTests()
    {
        if (EmulatorDriver.Unavailable is null)
        {
            _kernels = new TestKernels(TestKernels.Resource("planted_bugs.cu"));
            _y = _kernels.Array(new float[Count]);
            _x = _kernels.Array(new float[Count]);
        }
    }

    private TestKernels Kernels
    {
        get
        {
            EmulatorAtHand.OrSkip();
            return _kernels!;
        }
    }

    public void Dispose() => _kernels?.Dispose();

    [SkippableTheory]
    [InlineData("before_the_start", "thread (0, 0, 0)", "reads 4 bytes at offset -4 of allocation #")]
    [InlineData("misaligned", "thread (", "is not a multiple of 16")]
    [InlineData("misaligned_pack", "thread (", "is not a multiple of 16")]
    [InlineData("constant_data", "thread (", "writes constant data of its module")]
    [InlineData("unwritten_static", "thread (", "of the static shared memory, which this block has not written")]
    [InlineData("trap", "thread (5, 0, 0)", "__trap was called")]
    [InlineData("two_barriers", "thread (", "meet at different barriers")]
    [InlineData("not_in_mask", "thread (", "with the mask 0x0000ffff, which does not name it")]
    [InlineData("source_not_in_mask", "thread (", "reads lane 3 in a shuffle, which is not in the mask 0xffff0000")]
    [InlineData("two_shuffles", "thread (", "meet in different warp operations")]
    [InlineData("no_barrier", "thread (", "since the last barrier")]
    [InlineData("no_second_barrier", "thread (", "since the last barrier")]
    [InlineData("both_write", "thread (", "has written since the last barrier")]
    [InlineData("atomic_and_plain", "thread (", "since the last barrier")]
    [InlineData("misaligned_row", "thread (", "ldmatrix: the row at")]
    public void A_mistake_is_reported_with_its_place(string entry, string thread, string what)
    {
        bool byClang = Kernels.Driver.Properties.Name.Contains("clang", StringComparison.OrdinalIgnoreCase);
        Skip.If(byClang && entry is "misaligned" or "misaligned_pack", "clang++ does not see this one.");
        Fails(entry, 1, WarpsOf(entry) * 32, 0, thread, what, _y);
    }

    [SkippableFact]
    public void Access_past_the_end()
    {
        // 256 elements, 9 blocks of 30 threads: block 8, threads 16 to 29.
        string message = Fails("past_the_end", 9, 30, 0, "block (8, 0, 0)", "writes 4 bytes at offset 10", _y);
        Assert.InRange(Thread(message), 16, 29);
        Assert.Contains("which has 1024.", message, StringComparison.Ordinal);
    }

    [SkippableFact]
    public void Access_to_a_freed_allocation()
    {
        nint freed = Kernels.Array(new float[32]);
        Kernels.Driver.Free(freed);
        Fails("freed", 1, 32, 0, "block (0, 0, 0)", "writes 4 bytes at offset ", freed);
    }

    [SkippableFact]
    public unsafe void Access_to_host_memory()
    {
        float host = 0;
        Fails("host_memory", 1, 1, 0, "thread (0, 0, 0)", "which is no device memory", _y, (nint)(&host));
        Fails("host_memory", 1, 1, 0, "thread (0, 0, 0)", "at (nil), which is no device memory", _y, 0);
        Assert.Equal(0, host);
    }

    [SkippableFact]
    public void Access_to_another_devices_memory()
    {
        EmulatorAtHand.OrSkip();
        using var other = new EmulatorDriver();
        Fails("freed", 1, 32, 0, "thread (", "writes 4 bytes at ", other.Allocate(128));
    }

    [SkippableFact]
    public void Index_outside_an_array()
    {
        string message = Fails("dynamic_overrun", 1, 64, 128, "thread (", "of the dynamic shared memory, which has 128",
            _y);
        Assert.InRange(Thread(message), 32, 63);
        message = Fails("static_index", 1, 64, 0, "thread (", "lies outside the array", _y);
        Assert.InRange(Thread(message), 32, 63);
        Fails("local_index", 1, 32, 0, "thread (", "index 4 lies outside the array", _y, 4);
        Fails("local_index", 1, 32, 0, "thread (", "index -1 lies outside the array", _y, -1);
        Fails("pack_index", 1, 32, 0, "thread (", "index 7 lies outside the array", _y, 7);
    }

    [SkippableFact]
    public void Read_of_what_nobody_has_written()
    {
        Fails(
            "unwritten_dynamic", 1, 32, 128, "thread (",
            "of the dynamic shared memory, which this block has not written", _y);
        Fails(
            "written_by_another_block", 2, 32, 0, "block (1, 0, 0)",
            "of the static shared memory, which this block has not written", _y);
        nint empty = Kernels.Empty<float>(32);
        Fails("unwritten_global", 1, 32, 0, "thread (", "which nobody has written", _y, empty);
        Fails("unwritten_atomic", 1, 32, 0, "thread (", "which nobody has written", empty);

        // The part that the host or a kernel has written may be read.
        Kernels.Driver.Set(empty, 0, 64, GpuStream.Compute);
        Kernels.Launch("unwritten_global", 1, 16, _y, empty);
        Kernels.Launch("fine", 1, 32, empty);
        Kernels.Launch("unwritten_global", 1, 32, _y, empty);
    }

    [SkippableFact]
    public void Threads_that_wait_for_each_other()
    {
        string message = Message("early_exit", 1, 64, 0, _y);
        Assert.Equal(
            $"early_exit (f32), block (0, 0, 0): no thread can go on: threads 0-39 wait at "
            + $"test.cu:{Kernels.Line("early_exit")} for all threads of the block; threads 40-63 have left the kernel.",
            message);
        message = Message("half_a_warp", 1, 64, 0, _y);
        Assert.Equal(
            "half_a_warp (f32), block (0, 0, 0): no thread can go on: threads 0-15,32-47 wait at "
            + $"test.cu:{Kernels.Line("half_a_warp")} for lanes of their mask; "
            + "threads 16-31,48-63 have left the kernel.",
            message);
        Fails("part_of_a_warp", 1, 24, 0, "thread (", "this warp has only 24 lanes", _y);
        Fails("polling", 1, 32, 0, "thread (", "without waiting or ending", _y);
    }

    [SkippableFact]
    public void Lanes_that_share_memory_without_a_warp_barrier()
    {
        Fails("no_warp_barrier", 1, 32, 0, "thread (", "since the last barrier", _y);
    }

    [SkippableFact]
    public void Blocks_at_one_address()
    {
        string message = Fails("blocks_write", 16, 32, 0, "thread (0, 0, 0)", "which block (", _y);
        Assert.Contains("has written.", message, StringComparison.Ordinal);
        Fails("block_reads_another", 8, 32, 0, "thread (", "of allocation #", _y);
    }

    [SkippableFact]
    public void Asynchronous_copies()
    {
        const string Early = "the target of a cp.async that has not been waited for";
        Fails("no_wait", 1, 32, 0, "thread (", Early, _y, _x);
        Fails("wait_for_too_few", 1, 32, 0, "thread (", Early, _y, _x);
        Fails("no_barrier_after_wait", 1, 32, 0, "thread (", "shared memory, ", _y, _x);
        Fails("misaligned_copy", 1, 32, 0, "thread (", "an address is not a multiple of 16", _y, _x);
    }

    [SkippableFact]
    public void Arithmetic()
    {
        Fails("overflow", 1, 1, 0, "thread (0, 0, 0)", "a product overflows its signed type", _y, 32768);
        Fails("division", 1, 1, 0, "thread (0, 0, 0)", "divides by zero", _y, 0);
        Fails("shift", 1, 1, 0, "thread (0, 0, 0)", "shifts by", _y, 32);
        Kernels.Launch("overflow", 1, 1, _y, 32767);
        Kernels.Launch("division", 1, 1, _y, 7);
        Kernels.Launch("shift", 1, 1, _y, 30);
    }

    [SkippableFact]
    public void The_operation_under_way_is_named()
    {
        Kernels.Driver.PushRange("LayerNormBackward");
        string message = Message("trap", 1, 32, 0, _y);
        Kernels.Driver.PopRange();
        Assert.StartsWith("LayerNormBackward: trap (f32), block (0, 0, 0), thread (5, 0, 0), test.cu:", message,
            StringComparison.Ordinal);
    }

    // Two warps where the mistake lies between them.
    private static int WarpsOf(string entry) => entry is "no_barrier" or "no_second_barrier" or "unwritten_static"
        ? 2
        : 1;

    private static int Thread(string message) => int.Parse(
        ThreadPattern().Match(message).Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"thread \((\d+), 0, 0\)")]
    private static partial Regex ThreadPattern();

    private string Fails(
        string entry, Dim3 grid, Dim3 block, int sharedBytes, string who, string what,
        params ReadOnlySpan<long> arguments)
    {
        string message = Message(entry, grid, block, sharedBytes, arguments);
        Assert.StartsWith($"{entry} (f32), block (", message, StringComparison.Ordinal);
        Assert.Contains(who, message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);

        // Of two lines that race, either may come second.
        int[] lines = [.. Kernels.Lines(entry)];
        Assert.Contains(lines, line => message.Contains($"test.cu:{line}:", StringComparison.Ordinal));
        Assert.DoesNotContain('\n', message);
        return message;
    }

    private string Message(string entry, Dim3 grid, Dim3 block, int sharedBytes, params ReadOnlySpan<long> arguments)
    {
        string? message = null;
        try
        {
            Kernels.LaunchShared(entry, grid, block, sharedBytes, arguments);
        }
        catch (GpuException error)
        {
            message = error.Message;
        }

        Assert.NotNull(message);
        Kernels.Launch("fine", 2, 64, _x); // the device can be used as before
        return message;
    }
}
