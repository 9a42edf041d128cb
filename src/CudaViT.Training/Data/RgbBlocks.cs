using System.Diagnostics;
using System.Runtime.Intrinsics;

namespace CudaViT.Training.Data;

/// <summary>What happens to eight pixels at once; the values are 0 to 255 before and after.</summary>
internal interface IRgbKernel
{
    void Apply(ref Vector256<int> red, ref Vector256<int> green, ref Vector256<int> blue);
}

/// <summary>Walks through interleaved red, green and blue, eight pixels at a time.</summary>
/// <remarks>
/// What is left over at the end goes through the same code, by way of a padded copy, so that there is one arithmetic.
/// </remarks>
internal static class RgbBlocks
{
    private const int Pixels = 8;
    private const int BlockSize = 3 * Pixels;

    /// <summary>Applies a kernel to every pixel.</summary>
    public static void Map<TKernel>(Span<byte> pixels, TKernel kernel)
        where TKernel : struct, IRgbKernel
    {
        int whole = pixels.Length - (pixels.Length % BlockSize);
        for (int i = 0; i < whole; i += BlockSize)
        {
            MapBlock(pixels.Slice(i, BlockSize), ref kernel);
        }

        Span<byte> rest = pixels[whole..];
        if (!rest.IsEmpty)
        {
            Span<byte> padded = stackalloc byte[BlockSize];
            padded.Clear();
            rest.CopyTo(padded);
            MapBlock(padded, ref kernel);
            padded[..rest.Length].CopyTo(rest);
        }
    }

    /// <summary>The sum of all grey values.</summary>
    public static long SumOfGrey(ReadOnlySpan<byte> pixels)
    {
        long sum = 0;
        int whole = pixels.Length - (pixels.Length % BlockSize);
        for (int i = 0; i < whole; i += BlockSize)
        {
            sum += SumOfGreyBlock(pixels.Slice(i, BlockSize));
        }

        Span<byte> padded = stackalloc byte[BlockSize];
        padded.Clear(); // black counts nothing
        pixels[whole..].CopyTo(padded);
        return sum + SumOfGreyBlock(padded);
    }

    /// <summary>Brightness by the weights of ITU-R BT.601 in 16-bit fixed point; they sum to 65536.</summary>
    public static Vector256<int> Grey(Vector256<int> red, Vector256<int> green, Vector256<int> blue) =>
        ((red * 19595) + (green * 38470) + (blue * 7471) + Vector256.Create(32768)) >> 16;

    private static int SumOfGreyBlock(ReadOnlySpan<byte> block)
    {
        Load(block, out Vector256<int> red, out Vector256<int> green, out Vector256<int> blue);
        return Vector256.Sum(Grey(red, green, blue));
    }

    private static void MapBlock<TKernel>(Span<byte> block, ref TKernel kernel)
        where TKernel : struct, IRgbKernel
    {
        Load(block, out Vector256<int> red, out Vector256<int> green, out Vector256<int> blue);
        kernel.Apply(ref red, ref green, ref blue);
        Store(block, red, green, blue);
    }

    // Two overlapping loads, bytes 0 to 15 and 8 to 23. A mask's index of 255 gives 0.
    private static void Load(
        ReadOnlySpan<byte> block, out Vector256<int> red, out Vector256<int> green, out Vector256<int> blue)
    {
        Debug.Assert(block.Length == BlockSize, "Not eight pixels.");
        var first = Vector128.Create(block);
        var last = Vector128.Create(block[8..]);
        red = Widen(Pick(first, Mask(0xFFFF_0F0C_0906_0300), last, Mask(0x0D0A_FFFF_FFFF_FFFF)));
        green = Widen(Pick(first, Mask(0xFFFF_FF0D_0A07_0401), last, Mask(0x0E0B_08FF_FFFF_FFFF)));
        blue = Widen(Pick(first, Mask(0xFFFF_FF0E_0B08_0502), last, Mask(0x0F0C_09FF_FFFF_FFFF)));
    }

    private static void Store(Span<byte> block, Vector256<int> red, Vector256<int> green, Vector256<int> blue)
    {
        // Red in bytes 0 to 7, green in bytes 8 to 15; blue by itself.
        Vector128<byte> redGreen = Vector128.Narrow(Words(red), Words(green));
        Vector128<byte> blues = Vector128.Narrow(Words(blue), Words(blue));
        Vector128<byte> first = Pick(
            redGreen,
            Mask(0x0A02_FF09_01FF_0800, 0x05FF_0C04_FF0B_03FF),
            blues,
            Mask(0xFFFF_01FF_FF00_FFFF, 0xFF04_FFFF_03FF_FF02));
        Vector128<byte> last = Pick(redGreen, Mask(0xFF0F_07FF_0E06_FF0D), blues, Mask(0x07FF_FF06_FFFF_05FF));
        first.CopyTo(block);
        last.GetLower().CopyTo(block[16..]);
    }

    private static Vector128<byte> Pick(
        Vector128<byte> first, Vector128<byte> firstMask, Vector128<byte> second, Vector128<byte> secondMask) =>
        Vector128.Shuffle(first, firstMask) | Vector128.Shuffle(second, secondMask);

    // Byte i of the words, counted from their low ends, is the index of the byte that goes to i.
    private static Vector128<byte> Mask(ulong low, ulong high = ulong.MaxValue) =>
        Vector128.Create(low, high).AsByte();

    private static Vector256<int> Widen(Vector128<byte> bytes)
    {
        (Vector128<uint> low, Vector128<uint> high) = Vector128.Widen(Vector128.WidenLower(bytes));
        return Vector256.Create(low, high).AsInt32();
    }

    private static Vector128<ushort> Words(Vector256<int> values) =>
        Vector128.Narrow(values.GetLower().AsUInt32(), values.GetUpper().AsUInt32());
}
