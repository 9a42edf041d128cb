using CudaViT.Core;
using CudaViT.Cuda;

namespace CudaViT.Emulator.Tests;

/// <summary>
/// Every helper of <c>kernels/common/ptx.cuh</c> against the layouts that the PTX manual draws, on the emulator and,
/// where there is one, on a GPU.
/// </summary>
public sealed class PtxTests
{
    /// <summary>Checked emulator; a GPU where there is one.</summary>
    public static TheoryData<string> Devices => CudaDriver.Unavailable is null ? ["emulator", "cuda"] : ["emulator"];

    [SkippableTheory, MemberData(nameof(Devices))]
    public void Conversions_to_and_from_bf16(string device)
    {
        using TestKernels kernels = Open(device);
        ushort[] all = [.. Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits)];
        nint y = kernels.Empty<float>(all.Length);
        kernels.Launch("widen", all.Length / 256, 256, y, kernels.Array(all), all.Length);
        float[] wide = kernels.Read<float>(y, all.Length);
        Assert.All(all, bits => Assert.Equal((uint)bits << 16, BitConverter.SingleToUInt32Bits(wide[bits])));

        // Every bf16 with what lies just beside it and beside the ties to its neighbour.
        float[] x = [.. all.SelectMany(bits => new[] { 0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu }
            .Select(low => BitConverter.UInt32BitsToSingle(((uint)bits << 16) | low)))];
        nint narrow = kernels.Empty<ushort>(x.Length);
        nint pairs = kernels.Empty<uint>(x.Length);
        kernels.Launch("narrow", x.Length / 256, 256, narrow, pairs, kernels.Array(x), x.Length);
        ushort[] actual = kernels.Read<ushort>(narrow, x.Length);
        uint[] packed = kernels.Read<uint>(pairs, x.Length);
        for (int i = 0; i < x.Length; i++)
        {
            Assert.Equal(float.IsNaN(x[i]) ? (ushort)0x7fff : ((BFloat16)x[i]).Bits, actual[i]);
            Assert.Equal(actual[i] | ((uint)actual[x.Length - 1 - i] << 16), packed[i]);
        }
    }

    // PTX ISA 8.4, section 9.7.13.4.8: figures of the fragments of m16n8k16 for 16-bit types.
    [SkippableTheory, MemberData(nameof(Devices))]
    public void Mma_multiplies_16_by_16_with_16_by_8(string device)
    {
        using TestKernels kernels = Open(device);
        var random = new Random(1);
        float[,] a = new float[16, 16], b = new float[16, 8], c = new float[16, 8];
        Fill(a);
        Fill(b);
        Fill(c);

        uint[] fragmentA = new uint[32 * 4], fragmentB = new uint[32 * 2];
        float[] fragmentC = new float[32 * 4];
        for (int lane = 0; lane < 32; lane++)
        {
            (int group, int thread) = (lane >> 2, lane % 4);
            for (int i = 0; i < 8; i++)
            {
                int row = i is 0 or 1 or 4 or 5 ? group : group + 8;
                int column = (thread * 2) + (i & 1) + (i < 4 ? 0 : 8);
                fragmentA[(lane * 4) + (i / 2)] |= (uint)((BFloat16)a[row, column]).Bits << (16 * (i & 1));
            }

            for (int i = 0; i < 4; i++)
            {
                int row = (thread * 2) + (i & 1) + (i < 2 ? 0 : 8);
                fragmentB[(lane * 2) + (i / 2)] |= (uint)((BFloat16)b[row, group]).Bits << (16 * (i & 1));
                fragmentC[(lane * 4) + i] = c[i < 2 ? group : group + 8, (thread * 2) + (i & 1)];
            }
        }

        nint d = kernels.Array(fragmentC);
        kernels.Launch("multiply", 1, 32, d, kernels.Array(fragmentA), kernels.Array(fragmentB));

        float[] actual = kernels.Read<float>(d, 32 * 4);
        for (int lane = 0; lane < 32; lane++)
        {
            for (int i = 0; i < 4; i++)
            {
                (int row, int column) = (i < 2 ? lane >> 2 : (lane >> 2) + 8, (lane % 4 * 2) + (i & 1));
                double sum = c[row, column];
                for (int k = 0; k < 16; k++)
                {
                    sum += (double)a[row, k] * b[k, column];
                }

                Assert.Equal(sum, actual[(lane * 4) + i]); // small whole numbers: exact in any order
            }
        }

        void Fill(float[,] matrix)
        {
            for (int i = 0; i < matrix.Length; i++)
            {
                matrix[i / matrix.GetLength(1), i % matrix.GetLength(1)] = random.Next(-100, 100);
            }
        }
    }

    // PTX ISA 8.4, section 9.7.13.4.15: lane 4r + t gets elements 2t and 2t + 1 of row r, or of column r.
    [SkippableTheory, MemberData(nameof(Devices))]
    public void Ldmatrix_hands_out_tiles(string device)
    {
        using TestKernels kernels = Open(device);
        foreach ((string entry, int tiles) in new[] { ("load_two", 2), ("load_four", 4) })
        {
            ushort[] x = [.. Enumerable.Range(0, tiles * 64).Select(i => (ushort)(i * 3))];
            foreach (bool transposed in new[] { false, true })
            {
                nint y = kernels.Empty<uint>(32 * tiles);
                kernels.Launch(entry, 1, 32, y, kernels.Array(x), transposed ? 1 : 0);
                uint[] actual = kernels.Read<uint>(y, 32 * tiles);
                for (int i = 0; i < actual.Length; i++)
                {
                    (int lane, int tile) = (i / tiles, i % tiles);
                    (int r, int t) = (lane / 4, lane % 4 * 2);
                    uint Element(int j) => x[(tile * 64) + (transposed ? (j * 8) + r : (r * 8) + j)];
                    Assert.Equal(Element(t) | (Element(t + 1) << 16), actual[i]);
                }
            }
        }
    }

    [SkippableTheory, MemberData(nameof(Devices))]
    public void Asynchronous_copies_arrive_in_groups(string device)
    {
        using TestKernels kernels = Open(device);
        float[] x = [.. Enumerable.Range(0, 384).Select(i => (float)i)];
        nint y = kernels.Empty<float>(384);
        kernels.Launch("copy_in_groups", 1, 32, y, kernels.Array(x));
        Assert.Equal([.. x[..128].Reverse(), .. x[128..]], kernels.Read<float>(y, 384));
    }

    [SkippableTheory, MemberData(nameof(Devices))]
    public void Sixteen_bytes_are_stored_at_once(string device)
    {
        using TestKernels kernels = Open(device);
        nint y = kernels.Empty<uint>(128);
        kernels.Launch("store_words", 1, 32, y);
        uint[] expected = [.. Enumerable.Range(0, 128).Select(i => i % 4 == 0 ? (uint)i / 4 : (uint)i % 4)];
        Assert.Equal(expected, kernels.Read<uint>(y, 128));
    }

    [SkippableTheory, MemberData(nameof(Devices))]
    public void The_last_block_reads_what_the_others_wrote(string device)
    {
        using TestKernels kernels = Open(device);
        nint sum = kernels.Empty<double>(1), partial = kernels.Empty<double>(50), counter = kernels.Array(0u);
        for (int launch = 0; launch < 3; launch++)
        {
            kernels.Launch("gather", 50, 64, sum, partial, counter);
            Assert.Equal(1275, kernels.Read<double>(sum, 1)[0]);
        }
    }

    private static TestKernels Open(string device)
    {
        string text = TestKernels.Resource("ptx.cu");
        if (device == "cuda")
        {
            return new TestKernels(text, new CudaDriver());
        }

        EmulatorAtHand.OrSkip();
        return new TestKernels(text);
    }
}
