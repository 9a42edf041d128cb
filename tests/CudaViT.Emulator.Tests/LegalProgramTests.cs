using System.Runtime.InteropServices;

namespace CudaViT.Emulator.Tests;

/// <summary>Right programs that a careless check would report; see <c>Kernels/legal.cu</c>.</summary>
public sealed class LegalProgramTests : IDisposable
{
    private readonly TestKernels? _kernels =
        EmulatorDriver.Unavailable is null ? new TestKernels(TestKernels.Resource("legal.cu")) : null;

    private TestKernels Kernels
    {
        get
        {
            EmulatorAtHand.OrSkip();
            return _kernels!;
        }
    }

    public void Dispose() => _kernels?.Dispose();

    [SkippableFact]
    public void Warps_share_memory()
    {
        nint y = Kernels.Array(Numbers(64));
        Kernels.Launch("exchange_in_a_warp", 1, 64, y);
        Assert.Equal(Numbers(64).Select((_, i) => (i ^ 1) + 3f), Kernels.Read<float>(y, 64));
        Kernels.Launch("one_lane_changes", 1, 32, y);
        Assert.Equal(Enumerable.Repeat(3f, 32), Kernels.Read<float>(y, 32));
        Kernels.Launch("a_warp_leaves", 1, 64, y, 1);
        Assert.Equal(Enumerable.Repeat(32f, 32), Kernels.Read<float>(y, 32));
    }

    [SkippableFact]
    public void Blocks_meet_through_atomics_or_stand_side_by_side()
    {
        nint counts = Kernels.Array(new uint[8]);
        Kernels.Launch("histogram", 20, 64, counts);
        Assert.All(Kernels.Read<uint>(counts, 8), count => Assert.Equal(160u, count));

        nint bytes = Kernels.Empty<byte>(90), halves = Kernels.Empty<ushort>(90);
        Kernels.Launch("neighbours", 30, 3, bytes, halves);
        Assert.Equal(Enumerable.Range(0, 90).Select(i => (byte)i), Kernels.Read<byte>(bytes, 90));

        nint y = Kernels.Empty<float>(320), x = Kernels.Array(Numbers(32));
        Kernels.Launch("read_together", 10, 32, y, x);
        Assert.Equal(Enumerable.Range(0, 320).Select(i => i % 32f), Kernels.Read<float>(y, 320));

        // What a launch has written belongs to nobody in the next one.
        Kernels.Launch("read_together", 5, 64, y, x = Kernels.Array(Numbers(64)));
        Kernels.Launch("read_together", 1, 64, x, y);
    }

    [SkippableFact]
    public void Shared_memory_is_used_again()
    {
        nint y = Kernels.Empty<float>(128), x = Kernels.Array(Numbers(128 * 5));
        Kernels.LaunchShared("used_twice", 1, 128, 512, y);
        Assert.Equal(Numbers(128), Kernels.Read<float>(y, 128));
        Kernels.Launch("double_buffer", 1, 32, y, x, 5);
        Assert.All(Kernels.Read<float>(y, 32), sum => Assert.Equal((5 * 127f) + (2 * 128 * 10), sum));
    }

    [SkippableFact]
    public void Arguments_and_tables()
    {
        nint y = Kernels.Empty<float>(6);
        var sizes = new Sizes { Scale = 2, Offset0 = 10, Offset1 = 20, Offset2 = 30, AddW = 0.125f };
        Kernels.LaunchStructure("values", 1, 6, y, sizes, 3);
        Assert.Equal([20.375f, 40.625f, 60.875f, 20.375f, 40.625f, 60.875f], Kernels.Read<float>(y, 6));
    }

    [SkippableFact]
    public void Functions_in_both_precisions()
    {
        const double X = 0.3;
        nint d = Kernels.Empty<double>(18), f = Kernels.Empty<float>(18);
        Kernels.Launch("functions", 1, 1, d, f, BitConverter.DoubleToInt64Bits(X));
        double[] expected =
        [
            Math.Exp(X), Math.Log(X), Math.Sqrt(X), 1 / Math.Sqrt(X), 0.32862675945912742763, Math.Tanh(X), 1.09,
            X * X * X, 1, X, 0, Math.Log(1.3), Math.Exp(X) - 1, Math.Pow(2, X), 0.1, 2, -X, Math.Cos(X),
        ];
        double[] doubles = Kernels.Read<double>(d, 18);
        float[] singles = Kernels.Read<float>(f, 18);
        for (int i = 0; i < 18; i++)
        {
            Assert.Equal(expected[i], doubles[i], 1e-15);
            Assert.Equal(expected[i], singles[i], 3e-7);
        }
    }

    [SkippableFact]
    public void Integers()
    {
        const uint X = 0xdeadbeef;
        nint y = Kernels.Empty<uint>(8);
        Kernels.Launch("integers", 1, 1, y, X);
        Assert.Equal(
            [(uint)(((ulong)X * 0xD2511F53u) >> 32), 24, 0, 1, 0x3f800000, X, X, unchecked(X * X)],
            Kernels.Read<uint>(y, 8));
    }

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => (float)i)];

    [StructLayout(LayoutKind.Explicit, Size = 48)]
    private struct Sizes
    {
        [FieldOffset(0)]
        public float Scale;

        [FieldOffset(8)]
        public long Offset0;

        [FieldOffset(16)]
        public long Offset1;

        [FieldOffset(24)]
        public long Offset2;

        [FieldOffset(44)]
        public float AddW;
    }
}
