namespace CudaViT.Emulator.Tests;

/// <summary>What the threads of a warp and of a block do together; see <c>Kernels/warps.cu</c>.</summary>
public sealed class WarpTests : IDisposable
{
    private readonly TestKernels? _kernels =
        EmulatorDriver.Unavailable is null ? new TestKernels(TestKernels.Resource("warps.cu")) : null;

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
    [InlineData(32, 1)]
    [InlineData(32, 5)]
    [InlineData(32, 31)]
    [InlineData(16, 3)]
    [InlineData(8, 9)] // a source beyond the segment
    public void Shuffles_stay_in_their_segment(int width, int n)
    {
        nint y = Kernels.Empty<int>(128);
        Kernels.Launch("shuffles", 1, 32, y, width, n);
        int[] actual = Kernels.Read<int>(y, 128);
        for (int lane = 0; lane < 32; lane++)
        {
            int first = lane / width * width, place = lane % width;
            Assert.Equal(first + (n % width), actual[lane]);
            Assert.Equal(place - n >= 0 ? lane - n : lane, actual[32 + lane]);
            Assert.Equal(place + n < width ? lane + n : lane, actual[64 + lane]);
            int other = lane ^ n;

            // Segments before a lane's own may be read.
            Assert.Equal(other / width > lane / width ? lane : other, actual[96 + lane]);
        }
    }

    [SkippableFact]
    public void Shuffles_of_every_type()
    {
        nint d = Kernels.Empty<double>(32), l = Kernels.Empty<long>(32), u = Kernels.Empty<ulong>(32),
            f = Kernels.Empty<float>(32);
        Kernels.Launch("types", 1, 32, d, l, u, f);
        Assert.Equal(Lanes(lane => 0.1 * (lane ^ 1)), Kernels.Read<double>(d, 32));
        Assert.Equal(Lanes(lane => -(1L << 40) - (lane ^ 1)), Kernels.Read<long>(l, 32));
        Assert.Equal(Lanes(lane => 0xffffffff00000000ul + (ulong)(lane ^ 1)), Kernels.Read<ulong>(u, 32));
        Assert.Equal(Lanes(lane => 0.1f * (lane ^ 1)), Kernels.Read<float>(f, 32));
    }

    [SkippableFact]
    public void Votes()
    {
        nint y = Kernels.Empty<uint>(128);
        Kernels.Launch("votes", 1, 32, y);
        uint[] actual = Kernels.Read<uint>(y, 128);
        uint thirds = (uint)Lanes(lane => lane % 3 == 0 ? 1L << lane : 0).Sum();
        for (int lane = 0; lane < 32; lane++)
        {
            uint alike = (uint)Lanes(other => other / 5 == lane / 5 ? 1L << other : 0).Sum();
            Assert.Equal(
                (thirds, 1u, 1u, alike), (actual[lane], actual[32 + lane], actual[64 + lane], actual[96 + lane]));
        }
    }

    [SkippableFact]
    public void Reductions()
    {
        nint y = Kernels.Empty<int>(160);
        Kernels.Launch("reductions", 1, 32, y);
        int[] actual = Kernels.Read<int>(y, 160);
        for (int lane = 0; lane < 32; lane++)
        {
            Assert.Equal(-16, actual[lane]);
            Assert.Equal(-16, actual[32 + lane]);
            Assert.Equal(15, actual[64 + lane]);
            Assert.Equal(-1, actual[96 + lane]); // as unsigned numbers the largest
            Assert.Equal(255, actual[128 + lane]);
        }
    }

    [SkippableFact]
    public void Halves_of_a_warp_go_different_ways()
    {
        nint y = Kernels.Empty<int>(32);
        Kernels.Launch("halves", 1, 32, y);
        Assert.Equal(Lanes(lane => lane < 16 ? 31 : 120), Kernels.Read<int>(y, 32));
    }

    [SkippableFact]
    public void Votes_of_a_block()
    {
        nint y = Kernels.Empty<int>(64);
        Kernels.Launch("block_votes", 1, 64, y);
        Assert.All(Kernels.Read<int>(y, 64), vote => Assert.Equal(2200 + 10 + 1, vote));
    }

    [SkippableFact]
    public void Places_in_three_dimensions()
    {
        nint y = Kernels.Empty<int>(24 * 96);
        Kernels.Launch("places", (2, 3, 4), (8, 4, 3), y);
        int[] expected = [.. Enumerable.Range(0, 24 * 96).Select(i => (i / 96 * 1000) + (i % 96))];
        Assert.Equal(expected, Kernels.Read<int>(y, 24 * 96));
    }

    private static T[] Lanes<T>(Func<int, T> value) => [.. Enumerable.Range(0, 32).Select(value)];
}
